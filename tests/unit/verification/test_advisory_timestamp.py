"""Attacks on timestamps (RFC 3161): forged, of something else, by somebody else, too many."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.fakes.certificate import NOW, SECOND, YEAR, curve_key, key_usage_of
from tests.fakes.judge import WORLD, judge, trust, verdict
from tests.fakes.sigstore import Recipe, Signing
from tests.fakes.timestamping import FakeTimestampAuthority
from tests.fakes.transparency import b64

EVIL = FakeTimestampAuthority(name="evil tsa")
TILED = Recipe(body="hashedrekord 0.0.2", stamped=True)
STAMPED = [
    TILED,
    Recipe(stamped=True),
    Recipe(stamped=True, keyless=False),
    Recipe(shape="sig", body="hashedrekord 0.0.1", stamped=True),
    Recipe(shape="att", stamped=True),
]


def stamped(*tokens: bytes, signing: Signing | None = None) -> str:
    """The verdict on a logged bundle with these tokens."""
    own = signing or WORLD.sign(Recipe())
    return verdict(own.item("0.3", entries=[own.enter(WORLD.log, "dsse 0.0.1")], tokens=tokens))


FORGED: dict[str, dict[str, Any]] = {
    "signed by another key": {"signing_key": EVIL.key},
    "signed by another key with its certificate in front": {"signing_key": EVIL.key, "embedded": EVIL.chain},
    "signed by another key with both certificates": {
        "signing_key": EVIL.key,
        "embedded": (EVIL.leaf, WORLD.tsa.leaf),
    },
    "with a weak hash": {"hash_name": "sha1"},
    "with another content": {"forged_content": b"\x30\x00"},
    "of a refused request": {"status": 2},
    "before the certificate of its signer": {"at": NOW - 3 * YEAR - SECOND},
    "after the certificate of its signer": {"at": NOW + 3 * YEAR + SECOND},
}


@pytest.mark.parametrize("recipe", STAMPED, ids=str)
@pytest.mark.parametrize("defect", FORGED)
def test_cve_2026_39984_a_timestamp_that_is_forged_is_invalid(recipe: Recipe, defect: str) -> None:
    assert verdict(WORLD.mint(recipe, stamp=FORGED[defect])) == "timestamp_invalid"
    assert verdict(WORLD.mint(recipe)) in {"signature", "attestation"}


@pytest.mark.parametrize("recipe", STAMPED, ids=str)
@pytest.mark.parametrize("passing", [{"hash_name": "sha384"}, {"hash_name": "sha512"}, {"embedded": WORLD.tsa.chain}])
def test_a_timestamp_with_a_strong_hash_or_with_its_chain_holds(recipe: Recipe, passing: dict[str, Any]) -> None:
    assert verdict(WORLD.mint(recipe, stamp=passing)) in {"signature", "attestation"}


def test_cve_2025_52556_the_timestamp_of_another_authority_is_invalid() -> None:
    own = WORLD.sign(Recipe())
    message = own.stamped_octets("0.3")
    assert stamped(EVIL.stamp(message), signing=own) == "timestamp_invalid"
    assert stamped(EVIL.stamp(message, embedded=(*EVIL.chain, *WORLD.tsa.chain)), signing=own) == "timestamp_invalid"
    assert stamped(WORLD.tsa.stamp(message), signing=own) == "signature"


@pytest.mark.parametrize("shape", ["0.3", "sig", "att"])
def test_cve_2026_39984_the_timestamp_of_another_signature_is_invalid(shape: str) -> None:
    recipe = Recipe(shape=shape, body="hashedrekord 0.0.1" if shape == "sig" else "dsse 0.0.1")
    own, other = WORLD.sign(recipe), WORLD.sign(recipe)
    entries = [own.enter(WORLD.log, recipe.body)]

    def over(message: bytes) -> str:
        return verdict(own.item(shape, entries=entries, tokens=[WORLD.tsa.stamp(message)]))

    wrong = [other.stamped_octets(shape), own.signed.message, own.signed.payload, b64(own.signed.signature).encode()]
    wrong.append(own.signed.signature if shape == "att" else own.signed.envelope)
    for message in wrong:
        assert over(message) == "timestamp_invalid"
    assert over(own.stamped_octets(shape)) in {"signature", "attestation"}


@pytest.mark.parametrize(
    "tsa",
    [
        FakeTimestampAuthority(critical=False),
        FakeTimestampAuthority(usages=(ExtendedKeyUsageOID.CODE_SIGNING,)),
        FakeTimestampAuthority(usages=(ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING)),
    ],
    ids=["not critical", "another usage", "a second usage"],
)
def test_cve_2025_52556_an_authority_that_is_not_for_timestamps_alone_stamps_nothing(
    tsa: FakeTimestampAuthority,
) -> None:
    world = replace(WORLD, tsa=tsa)
    assert judge(world).verdict(world.mint(TILED)) == "timestamp_invalid"
    assert judge(world).verdict(world.mint(Recipe())) == "signature"
    assert verdict(WORLD.mint(TILED)) == "signature"


@pytest.mark.parametrize("garbage", [b"", b"\x30\x00", b"garbage", b"\x30\x82\xff\xff", b"\x30" * 1000])
def test_one_bad_token_beside_a_good_one_rejects_the_bundle(garbage: bytes) -> None:
    own = WORLD.sign(Recipe())
    good = WORLD.tsa.stamp(own.signed.signature)
    assert stamped(good, garbage, signing=own) == "timestamp_invalid"
    assert stamped(garbage, good, signing=own) == "timestamp_invalid"
    assert stamped(good, signing=own) == "signature"


def test_a_token_with_a_byte_more_or_less_is_invalid() -> None:
    own = WORLD.sign(Recipe())
    good = WORLD.tsa.stamp(own.signed.signature)
    for token in (good + b"\x00", good[:-1], b"\x00" + good, good[1:]):
        assert stamped(token, signing=own) == "timestamp_invalid"


def test_two_equal_tokens_are_refused_and_two_different_ones_are_not() -> None:
    own = WORLD.sign(Recipe())
    first, second = (WORLD.tsa.stamp(own.signed.signature, serial=serial) for serial in (1, 2))
    assert stamped(first, first, signing=own) == "bundle_malformed"
    assert stamped(first, second, signing=own) == "signature"


def test_cve_2024_29903_timestamps_beyond_the_limit_are_not_looked_at() -> None:
    own = WORLD.sign(Recipe())
    token = WORLD.tsa.stamp(own.signed.signature)
    assert stamped(*[token] * 33, signing=own) == "evidence_limit"
    assert stamped(*[token] * 10_000, signing=own) == "evidence_limit"
    assert stamped(token + b"\x00" * 65_536, signing=own) == "evidence_limit"
    assert stamped(*(WORLD.tsa.stamp(own.signed.signature, serial=n) for n in range(32)), signing=own) == "signature"


def test_every_byte_of_a_token_matters() -> None:
    own = WORLD.sign(Recipe())
    good = WORLD.tsa.stamp(own.signed.signature)
    for place in range(0, len(good), 3):
        altered = bytearray(good)
        altered[place] ^= 0x55
        assert stamped(bytes(altered), signing=own) == "timestamp_invalid", place


def test_the_time_of_a_token_is_one_at_which_the_certificate_must_have_been_valid() -> None:
    late = {"at": NOW + YEAR}
    assert verdict(WORLD.mint(Recipe(stamped=True), stamp=late)) == "certificate_expired"
    assert verdict(WORLD.mint(Recipe(stamped=True, keyless=False), stamp=late)) == "signature"


def _without_leaf(document: dict[str, Any]) -> None:
    del document["timestampAuthorities"][0]["certChain"]["certificates"][0]


ROOT_ONLY = judge(root=trust(edit=_without_leaf))
"""A trust root that names the authority by its root alone: tokens bring the certificate of their signer."""


def impostor() -> x509.Certificate:
    """A certificate of another key with the name, issuer and serial number of the authority's own."""
    leaf = WORLD.tsa.leaf
    return (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(leaf.issuer)
        .serial_number(leaf.serial_number)
        .public_key(EVIL.key.public_key())
        .not_valid_before(leaf.not_valid_before_utc)
        .not_valid_after(leaf.not_valid_after_utc)
        .add_extension(key_usage_of("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(curve_key("evil tsa root", "p384"), SHA384())
    )


@pytest.mark.parametrize("recipe", STAMPED, ids=str)
def test_cve_2026_39984_a_forged_certificate_in_front_of_the_signers_own_signs_nothing(recipe: Recipe) -> None:
    forged = impostor()
    for embedded in ((), (forged,), (forged, WORLD.tsa.leaf), EVIL.chain, (EVIL.leaf, *WORLD.tsa.chain)):
        stamp = {"signing_key": EVIL.key, "embedded": embedded}
        assert ROOT_ONLY.verdict(WORLD.mint(recipe, stamp=stamp)) == "timestamp_invalid"
    assert ROOT_ONLY.verdict(WORLD.mint(recipe)) == "timestamp_invalid"
    for embedded in ((WORLD.tsa.leaf,), WORLD.tsa.chain):
        assert ROOT_ONLY.verdict(WORLD.mint(recipe, stamp={"embedded": embedded})) in {"signature", "attestation"}


@pytest.mark.parametrize("defect", FORGED)
def test_a_token_that_brings_its_signer_is_held_to_the_same(defect: str) -> None:
    own = {"embedded": (WORLD.tsa.leaf,)}
    assert ROOT_ONLY.verdict(WORLD.mint(TILED, stamp={**own, **FORGED[defect]})) == "timestamp_invalid"
    assert ROOT_ONLY.verdict(WORLD.mint(TILED, stamp=own)) == "signature"


def test_a_signer_that_a_token_brings_is_for_timestamps_alone_and_in_its_window() -> None:
    for changes in ({"critical": False}, {"usages": (ExtendedKeyUsageOID.CODE_SIGNING,)}, {"leaf_window": (NOW, NOW)}):
        tsa = FakeTimestampAuthority(**changes)
        world = replace(WORLD, tsa=tsa)
        late = {"embedded": (tsa.leaf,), "at": NOW + SECOND}
        assert ROOT_ONLY.verdict(world.mint(TILED, stamp=late)) == "timestamp_invalid"
    assert (
        ROOT_ONLY.verdict(WORLD.mint(TILED, stamp={"embedded": (WORLD.tsa.leaf,), "at": NOW + SECOND})) == "signature"
    )
