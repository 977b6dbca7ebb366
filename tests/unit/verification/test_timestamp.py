"""Timestamps by a configured signer, and by one that the token brings."""

import hashlib
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import VerifierBuilder
from rfc3161_client.verify import Verifier

from assay.domain.errors import EvidenceRejected
from assay.formats.der import read_elements
from assay.formats.timestamp_token import parse_timestamp_token
from assay.verification.stamper import check_stamper
from assay.verification.timestamp import verify_timestamps
from assay.verification.trust_root import TrustRoot
from tests.fakes.certificate import NOW, SECOND, YEAR, curve_key, key_usage_of
from tests.fakes.der import object_identifier, octet_string, sequence, set_of
from tests.fakes.judge import trust
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.timestamping import FakeTimestampAuthority
from tests.fakes.trusted_root import ALWAYS, Span, render_authority

WORLD = FakeSigstore()
TSA = WORLD.tsa
OTHER = FakeTimestampAuthority(name="other tsa")
PINNED = trust(WORLD)
MESSAGE = b"a signature"


def by_root(*authorities: FakeTimestampAuthority, window: Span = ALWAYS) -> TrustRoot:
    """A trust root that knows timestamp authorities by their roots alone."""
    entries = [render_authority((tsa.root,), "", window) for tsa in authorities]
    return trust(WORLD, edit=lambda root: root.update(timestampAuthorities=entries))


def code(root: TrustRoot, *tokens: bytes) -> str:
    """The code of the rejection, `ok` when every token holds."""
    try:
        times = verify_timestamps(tokens, MESSAGE, root)
    except EvidenceRejected as error:
        return error.code
    return "ok" if times == (NOW,) * len(tokens) else "another time"


def test_a_configured_signer_may_be_left_out_or_brought() -> None:
    assert code(PINNED, TSA.stamp(MESSAGE)) == "ok"
    assert code(PINNED, TSA.stamp(MESSAGE, embedded=TSA.chain)) == "ok"
    assert code(PINNED, TSA.stamp(MESSAGE, embedded=(OTHER.leaf,))) == "timestamp_invalid"
    assert code(PINNED, OTHER.stamp(MESSAGE, embedded=OTHER.chain)) == "timestamp_invalid"


def test_a_signer_that_the_token_brings_must_lead_to_the_configured_root() -> None:
    root = by_root(TSA)
    assert code(root, TSA.stamp(MESSAGE, embedded=(TSA.leaf,))) == "ok"
    assert code(root, TSA.stamp(MESSAGE, embedded=TSA.chain)) == "ok"
    assert code(root, TSA.stamp(MESSAGE)) == "timestamp_invalid"
    assert code(root, OTHER.stamp(MESSAGE, embedded=OTHER.chain)) == "timestamp_invalid"


def test_the_first_authority_that_vouches_is_enough() -> None:
    token = TSA.stamp(MESSAGE, embedded=(TSA.leaf,))
    assert code(by_root(OTHER, TSA), token) == "ok"
    assert code(by_root(TSA, OTHER), token) == "ok"
    assert code(by_root(OTHER), token) == "timestamp_invalid"
    assert code(replace(PINNED, timestamp_authorities=()), token) == "timestamp_invalid"


@pytest.mark.parametrize("change", [{"critical": False}, {"leaf_window": (NOW + SECOND, NOW + YEAR)}])
def test_a_signer_that_the_token_brings_is_judged_like_any_other(change: dict[str, object]) -> None:
    tsa = replace(TSA, **change)  # type: ignore[arg-type]  # its own fields
    assert code(by_root(tsa), tsa.stamp(MESSAGE, embedded=(tsa.leaf,))) == "timestamp_invalid"
    assert code(by_root(TSA), TSA.stamp(MESSAGE, embedded=(TSA.leaf,))) == "ok"


def test_the_window_of_an_authority_holds_for_signers_that_tokens_bring() -> None:
    token = TSA.stamp(MESSAGE, embedded=(TSA.leaf,))
    assert code(by_root(TSA, window=(NOW, NOW)), token) == "ok"
    assert code(by_root(TSA, window=(NOW - YEAR, NOW - SECOND)), token) == "timestamp_invalid"


def test_a_token_may_not_bring_its_signer_twice_or_garbage() -> None:
    good = TSA.stamp(MESSAGE, embedded=(TSA.leaf,))
    assert code(by_root(TSA), TSA.stamp(MESSAGE, embedded=(TSA.leaf, TSA.leaf))) == "timestamp_invalid"
    der = TSA.leaf.public_bytes(Encoding.DER)
    no_certificate = octet_string(bytes(len(der) - 4))
    assert len(no_certificate) == len(der)
    assert code(by_root(TSA), good.replace(der, no_certificate)) == "timestamp_invalid"
    assert code(by_root(TSA), good) == "ok"


def test_every_certificate_that_a_token_brings_can_be_read() -> None:
    good, root = TSA.stamp(MESSAGE, embedded=TSA.chain), TSA.root.public_bytes(Encoding.DER)
    third, eighth = bytes.fromhex("a003020102"), bytes.fromhex("a003020107")
    assert root.count(third) == 1
    assert code(by_root(TSA), good.replace(root, root.replace(third, eighth))) == "timestamp_invalid"
    assert code(by_root(TSA), good) == "ok"


def test_another_signer_of_the_same_authority_is_none_where_one_is_configured() -> None:
    other = replace(TSA, leaf_window=(NOW - YEAR, NOW + YEAR))
    token = other.stamp(MESSAGE, embedded=(other.leaf,))
    assert code(PINNED, token) == "timestamp_invalid"
    assert code(by_root(TSA), token) == "ok"


def test_a_signer_that_the_token_brings_has_a_strong_key() -> None:
    weak = replace(TSA, kind="p224")
    token = weak.stamp(MESSAGE, embedded=(weak.leaf,), algorithm="1.2.840.10045.4.3.2")
    assert code(by_root(TSA), token) == "timestamp_invalid"


def test_a_forged_signature_is_refused_for_both_kinds_of_signer() -> None:
    forged = TSA.stamp(MESSAGE, embedded=(TSA.leaf,), signing_key=OTHER.key)
    assert code(PINNED, forged) == "timestamp_invalid"
    assert code(by_root(TSA), forged) == "timestamp_invalid"


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048", "ed25519"])
def test_a_signer_may_have_any_strong_key(kind: str) -> None:
    tsa = FakeTimestampAuthority(name=f"tsa {kind}", kind=kind)
    root = trust(replace(WORLD, tsa=tsa))
    assert code(root, tsa.stamp(MESSAGE)) == "ok"
    assert code(root, tsa.stamp(MESSAGE, algorithm="1.2.3")) == "timestamp_invalid"
    other = FakeTimestampAuthority(name=f"evil {kind}", kind=kind)
    assert code(root, tsa.stamp(MESSAGE, signing_key=other.key)) == "timestamp_invalid"


def test_an_rsa_signer_names_its_hash_or_leaves_it_to_the_digest() -> None:
    tsa = FakeTimestampAuthority(name="tsa rsa2048", kind="rsa2048")
    root = trust(replace(WORLD, tsa=tsa))
    assert code(root, tsa.stamp(MESSAGE, algorithm="1.2.840.113549.1.1.1")) == "ok"
    assert code(root, tsa.stamp(MESSAGE, algorithm="1.2.840.113549.1.1.12")) == "timestamp_invalid"


@pytest.mark.parametrize(
    ("digest", "algorithm"),
    [
        ("sha256", "1.2.840.113549.1.1.11"),
        ("sha384", "1.2.840.113549.1.1.12"),
        ("sha512", "1.2.840.113549.1.1.13"),
        ("sha384", "1.2.840.113549.1.1.1"),
        ("sha512", "1.2.840.113549.1.1.1"),
    ],
)
def test_an_rsa_signer_may_use_every_strong_hash(digest: str, algorithm: str) -> None:
    tsa = FakeTimestampAuthority(name="tsa rsa2048", kind="rsa2048")
    root = trust(replace(WORLD, tsa=tsa))
    assert code(root, tsa.stamp(MESSAGE, digest=digest, algorithm=algorithm)) == "ok"
    assert code(root, tsa.stamp(MESSAGE, digest=digest, algorithm="1.2.840.113549.1.1.14")) == "timestamp_invalid"


def test_every_attribute_that_names_the_certificate_must_be_true() -> None:
    der = TSA.leaf.public_bytes(Encoding.DER)
    named = hashlib.sha1(der, usedforsecurity=False).digest()
    assert code(PINNED, TSA.stamp(MESSAGE, attributes=partial(_with_old_name, named))) == "ok"
    forged = TSA.stamp(MESSAGE, attributes=partial(_with_old_name, bytes(20)))
    assert code(PINNED, forged) == "timestamp_invalid"


def _with_old_name(digest: bytes, attributes: bytes) -> bytes:
    """The attributes and that of RFC 2634 that names the signer's certificate, in the order of DER."""
    value = sequence(sequence(sequence(octet_string(digest))))
    named = sequence(object_identifier("1.2.840.113549.1.9.16.2.12"), set_of(value))
    return b"".join(sorted([named, *(element.raw for element in read_elements(attributes))]))


def test_a_configured_signer_that_may_not_stamp_stamps_nothing() -> None:
    lax = FakeTimestampAuthority(critical=False)
    assert code(trust(replace(WORLD, tsa=lax)), lax.stamp(MESSAGE)) == "timestamp_invalid"
    assert code(PINNED, TSA.stamp(MESSAGE)) == "ok"


@pytest.mark.parametrize("attribute", ["digest", "certificate"])
def test_what_the_attributes_say_must_be_true(attribute: str) -> None:
    token = parse_timestamp_token(TSA.stamp(MESSAGE))
    true = {"digest": token.content_digest, "certificate": token.certificate_ids[0][1]}[attribute]
    forged = TSA.stamp(MESSAGE, attributes=lambda octets: octets.replace(true, bytes(32)))
    assert code(PINNED, forged) == "timestamp_invalid"


def test_the_second_opinion_on_a_brought_signer_counts() -> None:
    # The library compares the end of a certificate's window openly: it refuses the last second, and so do we then.
    tsa = replace(TSA, leaf_window=(NOW - YEAR, NOW))
    assert code(trust(replace(WORLD, tsa=tsa)), tsa.stamp(MESSAGE)) == "ok"
    assert code(by_root(tsa), tsa.stamp(MESSAGE, embedded=(tsa.leaf,))) == "timestamp_invalid"


def stamper(*extensions: tuple[x509.ExtensionType, bool], kind: str = "p256", stamps: bool = True) -> x509.Certificate:
    key = curve_key("stamper", kind)
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(TSA.root.subject)
    builder = builder.public_key(key.public_key()).serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
    for extension, critical in (*[(USAGE, True)] * stamps, *extensions):
        builder = builder.add_extension(extension, critical)
    return builder.sign(curve_key("signer of the stamper"), SHA384())


USAGE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
UNSUITABLE: dict[str, tuple[x509.ExtensionType, bool]] = {
    "an authority": (x509.BasicConstraints(ca=True, path_length=None), True),
    "not for signatures": (key_usage_of("key_agreement"), True),
    "a critical extension": (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), True),
}


@pytest.mark.parametrize("defect", UNSUITABLE)
def test_a_certificate_that_may_not_stamp_is_refused(defect: str) -> None:
    with pytest.raises(EvidenceRejected) as caught:
        check_stamper(stamper(UNSUITABLE[defect]))
    assert caught.value.code == "timestamp_invalid"
    check_stamper(stamper((key_usage_of("content_commitment"), True)))
    check_stamper(stamper((x509.BasicConstraints(ca=False, path_length=None), True)))


@pytest.mark.parametrize(
    ("kind", "stamps", "expected"),
    [("p256", True, ""), ("p224", True, "timestamp_invalid"), ("p256", False, "timestamp_invalid")],
)
def test_a_stamper_has_a_strong_key_and_says_what_it_is_for(kind: str, *, stamps: bool, expected: str) -> None:
    found = ""
    try:
        check_stamper(stamper(kind=kind, stamps=stamps))
    except EvidenceRejected as error:
        found = error.code
    assert found == expected


def test_equal_tokens_too_many_and_too_long_ones_are_refused() -> None:
    token = TSA.stamp(MESSAGE)
    assert code(PINNED, token, token) == "timestamp_invalid"
    assert code(PINNED, *[TSA.stamp(MESSAGE, serial=number) for number in range(33)]) == "evidence_limit"
    assert code(PINNED, token + bytes(65_536)) == "evidence_limit"
    assert code(PINNED, token, token + bytes(65_536)) == "evidence_limit"
    assert code(PINNED, token, TSA.stamp(MESSAGE, serial=8)) == "ok"


class CountedBuilder(VerifierBuilder):
    """Counts how often the second opinion is asked."""

    asked = 0

    def build(self) -> Verifier:
        type(self).asked += 1
        return super().build()


@pytest.fixture
def opinions(monkeypatch: pytest.MonkeyPatch) -> type[CountedBuilder]:
    counted = type("Counted", (CountedBuilder,), {})
    monkeypatch.setattr("assay.verification.timestamp.VerifierBuilder", counted)
    return counted


def test_a_brought_signer_is_led_to_its_root_once(opinions: type[CountedBuilder]) -> None:
    tokens = [TSA.stamp(MESSAGE, embedded=(TSA.leaf,), serial=number) for number in range(1, 33)]
    assert code(by_root(TSA), *tokens) == "ok"
    assert opinions.asked == 1


def test_a_signer_is_known_by_the_root_it_was_led_to(opinions: type[CountedBuilder]) -> None:
    both = by_root(OTHER, TSA)
    issuers = tuple(issuer for authority in both.timestamp_authorities for issuer in authority.issuers)
    root = replace(both, timestamp_authorities=(replace(both.timestamp_authorities[1], issuers=issuers),))
    tokens = [TSA.stamp(MESSAGE, embedded=(TSA.leaf,), serial=number) for number in range(1, 3)]
    assert code(root, *tokens) == "ok"
    assert opinions.asked == 1


def test_every_brought_signer_is_led_to_its_own_root(opinions: type[CountedBuilder]) -> None:
    tokens = [tsa.stamp(MESSAGE, embedded=(tsa.leaf,)) for tsa in (TSA, OTHER)]
    assert code(by_root(TSA, OTHER), *tokens) == "ok"
    assert opinions.asked == 2
    assert code(by_root(TSA), *tokens) == "timestamp_invalid"


@pytest.mark.parametrize(
    "second",
    [
        {"signing_key": OTHER.key},
        {"at": NOW + 4 * YEAR},
        {"at": TSA.leaf_window[1]},
        {"forged_content": b"\x30\x00"},
        {"embedded": ()},
        {"embedded": (TSA.leaf, TSA.leaf)},
    ],
)
def test_a_signer_that_is_known_is_judged_anew_for_every_token(second: dict[str, Any]) -> None:
    first = TSA.stamp(MESSAGE, embedded=(TSA.leaf,))
    twin = TSA.stamp(MESSAGE, serial=8, embedded=(TSA.leaf,))
    changed: dict[str, Any] = {"serial": 8, "embedded": (TSA.leaf,), **second}
    token = TSA.stamp(MESSAGE, **changed)
    assert code(by_root(TSA), first, twin) == "ok"
    assert code(by_root(TSA), token) == "timestamp_invalid"
    assert code(by_root(TSA), first, token) == "timestamp_invalid"


def test_no_signer_is_asked_before_every_token_is_over_this_signature(opinions: type[CountedBuilder]) -> None:
    tokens = [TSA.stamp(MESSAGE, embedded=(TSA.leaf,), serial=number) for number in range(1, 9)]
    foreign = TSA.stamp(b"another signature", embedded=(TSA.leaf,))
    assert code(by_root(TSA), *tokens, foreign) == "timestamp_invalid"
    assert opinions.asked == 0
    assert code(by_root(TSA), *tokens) == "ok"
