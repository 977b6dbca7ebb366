"""Chains: what completes a path, what anchors it, and what a search may cost."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from assay.domain.errors import EvidenceRejected
from assay.verification.chain import check_leaf, verify_chain
from assay.verification.trust_root import TrustRoot
from tests.fakes.certificate import NOW, SECOND, YEAR, FakeCertificateAuthority, Leaf, curve_key, key_usage_of, spki
from tests.fakes.der import tlv
from tests.fakes.judge import trust
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.trusted_root import ALWAYS, render_authority

WORLD = FakeSigstore()
OWN = WORLD.authority
ROOT = trust(WORLD)
LEAF = OWN.issue(Leaf())
ONLY_ROOT = trust(
    WORLD, edit=lambda root: root.update(certificateAuthorities=[render_authority((OWN.root,), "", ALWAYS)])
)


def code(
    leaf: x509.Certificate,
    extra: Sequence[x509.Certificate] = (),
    *,
    root: TrustRoot = ROOT,
    times: Sequence[datetime] = (NOW,),
) -> str:
    """The code of the rejection, `ok` when there is none."""
    try:
        verify_chain(leaf, extra, root, times)
    except EvidenceRejected as error:
        return error.code
    return "ok"


def link(name: str, issuer: str, *, signed_by: str, key: str = "", path_length: int | None = None) -> x509.Certificate:
    """An authority's certificate with these names; keys go by name too, `key` is one of another name."""
    own, issuing_key = curve_key(key or name, "p384"), curve_key(signed_by, "p384")
    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer))
    builder = builder.public_key(own.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW - YEAR).not_valid_after(NOW + YEAR)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return builder.add_extension(key_usage_of("key_cert_sign"), critical=True).sign(issuing_key, SHA384())


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def leaf_of(name: str, *, signed_by: str | None = None) -> x509.Certificate:
    key = curve_key("a leaf")
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(named(name))
    builder = builder.public_key(key.public_key()).serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
    return builder.sign(curve_key(signed_by or name, "p384"), SHA384())


def anchored(*chain: x509.Certificate) -> TrustRoot:
    return trust(WORLD, edit=lambda root: root.update(certificateAuthorities=[render_authority(chain, "", ALWAYS)]))


def test_the_issuer_is_the_one_that_signed_the_leaf() -> None:
    assert verify_chain(LEAF, (), ROOT, (NOW,)).spki_der == spki(OWN.issuing_key)
    issuer = verify_chain(LEAF, (OWN.intermediate,), ONLY_ROOT, (NOW,))
    assert issuer.spki_der == spki(OWN.issuing_key)
    assert len(issuer.key_hash) == 32


def test_evidence_completes_a_path_and_never_anchors_it() -> None:
    other = FakeCertificateAuthority(name="other")
    assert code(LEAF, root=ONLY_ROOT) == "chain_invalid"
    assert code(LEAF, (OWN.intermediate,), root=ONLY_ROOT) == "ok"
    assert code(LEAF, (OWN.root, OWN.intermediate), root=ONLY_ROOT) == "ok"
    assert code(other.issue(Leaf()), other.chain) == "chain_invalid"
    assert code(other.issue(Leaf()), (*other.chain, *OWN.chain)) == "chain_invalid"


def test_every_time_must_lie_in_every_window() -> None:
    assert code(LEAF, times=(NOW, NOW + SECOND)) == "ok"
    assert code(LEAF, times=(NOW, NOW + YEAR)) == "certificate_expired"
    assert code(LEAF, times=(NOW - YEAR, NOW)) == "certificate_expired"
    assert code(LEAF, times=()) == "no_verified_time"


def test_an_expired_certificate_of_the_evidence_spoils_the_path() -> None:
    old = FakeCertificateAuthority(intermediate_window=(NOW - 2 * YEAR, NOW - YEAR))
    assert code(LEAF, (old.intermediate,), root=ONLY_ROOT) == "certificate_expired"
    assert code(LEAF, (OWN.intermediate,), root=ONLY_ROOT) == "ok"


@pytest.mark.parametrize(("length", "expected"), [(None, "ok"), (1, "ok"), (0, "chain_invalid")])
def test_a_path_is_no_longer_than_an_authority_allows(length: int | None, expected: str) -> None:
    top = link("top", "top", signed_by="top")
    middle = link("middle", "top", signed_by="top", path_length=length)
    low = link("low", "middle", signed_by="middle", path_length=0)
    assert code(leaf_of("low"), (low, middle), root=anchored(top)) == expected
    assert code(leaf_of("low"), (low,), root=anchored(middle, top)) == expected
    assert code(leaf_of("middle"), (middle,), root=anchored(top)) == "ok"


@pytest.mark.parametrize(("length", "expected"), [(None, "ok"), (2, "ok"), (1, "chain_invalid")])
def test_an_authority_far_above_counts_those_that_evidence_brings(length: int | None, expected: str) -> None:
    top = link("top", "top", signed_by="top", path_length=length)
    middle, low = link("middle", "top", signed_by="top"), link("low", "middle", signed_by="middle")
    assert code(leaf_of("low"), (low,), root=anchored(middle, top)) == expected


def test_the_issuer_of_a_long_path_is_still_that_of_the_leaf() -> None:
    top, middle = link("top", "top", signed_by="top"), link("middle", "top", signed_by="top")
    low = link("low", "middle", signed_by="middle")
    issuer = verify_chain(leaf_of("low"), (middle, low), anchored(top), (NOW,))
    assert issuer.spki_der == spki(curve_key("low", "p384"))


def test_an_authority_that_has_ended_does_not_spoil_one_that_has_not() -> None:
    ended = (NOW - 2 * YEAR, NOW - YEAR)
    both = [render_authority(OWN.chain, "", window) for window in (ended, ALWAYS)]
    assert code(LEAF, root=trust(WORLD, edit=lambda root: root.update(certificateAuthorities=both))) == "ok"
    only = trust(WORLD, edit=lambda root: root.update(certificateAuthorities=both[:1]))
    assert code(LEAF, root=only) == "certificate_expired"


def test_a_certificate_that_may_not_issue_is_no_link() -> None:
    assert code(LEAF, (LEAF,), root=ONLY_ROOT) == "chain_invalid"
    no_authority = replace(OWN, intermediate_is_authority=False)
    assert code(LEAF, (no_authority.intermediate,), root=ONLY_ROOT) == "chain_invalid"


def test_two_roots_of_one_name_are_told_apart_by_their_keys() -> None:
    first, second = link("top", "top", signed_by="top"), link("top", "top", signed_by="second")
    assert code(leaf_of("top", signed_by="top"), root=anchored(first)) == "ok"
    assert code(leaf_of("top", signed_by="second"), root=anchored(first)) == "chain_invalid"
    assert code(leaf_of("top", signed_by="second"), (second,), root=anchored(first)) == "chain_invalid"


def test_certificates_that_all_claim_to_be_the_issuer_are_cut_off() -> None:
    top = link("top", "top", signed_by="top")
    same = [link("low", "low", signed_by="low") for _ in range(5)]
    crowd = [*same, *(link("low", "low", signed_by="low", key=f"other {number}") for number in range(5))]
    true = link("low", "top", signed_by="top")
    with pytest.raises(EvidenceRejected, match="too many"):
        verify_chain(leaf_of("low"), crowd, anchored(top), (NOW,))
    assert code(leaf_of("low"), (true, crowd[0]), root=anchored(top)) == "ok"


def test_sixteen_signatures_are_verified_and_not_one_more() -> None:
    top, true = link("top", "top", signed_by="top"), link("low", "top", signed_by="top")
    crowd = [link("low", "low", signed_by="low", key=f"other {number}") for number in range(15)]
    assert code(leaf_of("low"), (*crowd[:14], true), root=anchored(top)) == "ok"
    assert code(leaf_of("low"), (*crowd, true), root=anchored(top)) == "chain_invalid"


def signed_again(leaf: x509.Certificate, before: bytes, after: bytes) -> x509.Certificate:
    """The leaf with other octets in what its issuer signs, signed by it."""
    tbs = leaf.tbs_certificate_bytes
    assert tbs.count(before) == 1
    altered = tbs.replace(before, after)
    signature = OWN.issuing_key.sign(altered, ec.ECDSA(SHA384()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040303")
    return x509.load_der_x509_certificate(tlv(0x30, altered + algorithm + tlv(0x03, b"\x00" + signature)))


def test_a_leaf_whose_validity_ends_before_it_starts_is_refused() -> None:
    start, end = (b"\x17\x0d" + time.strftime("%y%m%d%H%M%SZ").encode() for time in (Leaf().start, Leaf().end))
    assert code(signed_again(LEAF, start + end, end + start)) == "chain_invalid"
    assert code(signed_again(LEAF, start + end, start + end)) == "ok"


def test_a_leaf_is_valid_in_the_one_second_of_its_window() -> None:
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(OWN.intermediate.subject)
    builder = builder.public_key(curve_key("a leaf").public_key()).serial_number(1)
    leaf = builder.not_valid_before(NOW).not_valid_after(NOW).sign(OWN.issuing_key, SHA384())
    assert code(leaf) == "ok"
    assert code(leaf, times=(NOW + SECOND,)) == "certificate_expired"


def test_a_leaf_with_a_critical_extension_that_nobody_knows_is_unsuitable() -> None:
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(OWN.intermediate.subject)
    builder = builder.public_key(curve_key("a leaf").public_key()).serial_number(1)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + YEAR)
    for extension in OWN.issue(Leaf(scts=())).extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    check_leaf(builder.sign(OWN.issuing_key, SHA384()))
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")
    with pytest.raises(EvidenceRejected) as caught:
        check_leaf(builder.add_extension(unknown, critical=True).sign(OWN.issuing_key, SHA384()))
    assert caught.value.code == "leaf_unsuitable"


def test_a_path_that_was_found_before_is_judged_anew() -> None:
    bounded = trust(WORLD, windows={"authority": (None, NOW)})
    assert code(LEAF, root=bounded) == "ok"
    assert code(LEAF, root=bounded) == "ok"
    assert code(LEAF, root=bounded, times=(NOW + SECOND,)) == "certificate_expired"
    assert code(LEAF, root=bounded, times=(NOW, NOW + YEAR)) == "certificate_expired"
    assert code(LEAF, root=bounded, times=()) == "no_verified_time"


def altered(certificate: x509.Certificate, change: Callable[[bytes], bytes]) -> x509.Certificate:
    return x509.load_der_x509_certificate(change(certificate.public_bytes(Encoding.DER)))


def test_no_other_certificate_passes_for_one_that_was_found_signed() -> None:
    root, own = trust(WORLD), OWN.issue(Leaf())
    later = Leaf().end.strftime("%y%m%d%H%M%SZ").encode()
    assert code(own, root=root) == "ok"
    longer = altered(own, lambda der: der.replace(later, later.replace(b"12", b"13", 1)))
    assert longer.signature == own.signature
    assert code(longer, root=root) == "chain_invalid"
    other_signature = altered(own, lambda der: der[:-1] + bytes([der[-1] ^ 1]))
    assert code(other_signature, root=root) == "chain_invalid"
    assert code(own, root=root) == "ok"


def test_an_issuer_of_another_root_remembers_nothing_of_this_one() -> None:
    other = trust(FakeSigstore(authority=FakeCertificateAuthority(name="other")))
    assert code(LEAF, root=ROOT) == "ok"
    assert code(LEAF, root=other) == "chain_invalid"
