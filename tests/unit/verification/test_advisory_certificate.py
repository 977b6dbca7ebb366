"""Attacks on certificates: who issued them, when, for what, and who vouches that they were public."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from assay.domain.identity import Authority, PublicKey
from assay.verification.trust_root import TrustProfile
from tests.fakes.certificate import (
    ISSUER,
    NOW,
    SECOND,
    WORKFLOW,
    YEAR,
    FakeCertificateAuthority,
    FakeCtLog,
    Sct,
    spki,
)
from tests.fakes.der import utf8_string
from tests.fakes.judge import ROOT, WORLD, judge, trust, verdict
from tests.fakes.sigstore import Recipe
from tests.fakes.transparency import b64

SHAPES = [Recipe(), Recipe(shape="0.2"), Recipe(shape="sig", body="hashedrekord 0.0.1"), Recipe(shape="att")]
URI = x509.UniformResourceIdentifier(WORKFLOW)
SECOND_CT = FakeCtLog(name="second ct")
UNKNOWN_CT = FakeCtLog(name="unknown ct")
OTHER_NAME = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7"), utf8_string(WORKFLOW))


def leaf(**changes: Any) -> str:
    """The verdict on a bundle whose certificate differs in this."""
    return verdict(replace(WORLD, leaf=replace(WORLD.leaf, **changes)).mint(Recipe()))


def good_sct(**changes: Any) -> Sct:
    return replace(Sct(log=WORLD.ct_log), **changes)


UNSUITABLE: dict[str, dict[str, Any]] = {
    "an authority's certificate": {"is_authority": True},
    "no extended key usage": {"usages": None},
    "a server's certificate": {"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)},
    "a certificate for timestamps": {"usages": (ExtendedKeyUsageOID.TIME_STAMPING,)},
    "no key usage": {"key_usage": None},
    "a certificate for key agreement": {"key_usage": "key_agreement"},
    "no subject": {"san": ()},
    "two subjects": {"san": (URI, x509.UniformResourceIdentifier("https://evil.test"))},
    "the same subject twice": {"san": (URI, URI)},
    "a short curve": {"kind": "p224"},
    "a short RSA key": {"kind": "rsa1024"},
}


@pytest.mark.parametrize("defect", UNSUITABLE)
def test_a_certificate_that_may_not_sign_is_unsuitable(defect: str) -> None:
    assert leaf(**UNSUITABLE[defect]) == "leaf_unsuitable"
    assert leaf() == "signature"


@pytest.mark.parametrize("passing", [{"is_authority": False}, {"kind": "p384"}, {"claims": {8: ISSUER}}])
def test_what_does_not_matter_in_a_certificate_passes(passing: dict[str, Any]) -> None:
    assert leaf(**passing) == "signature"
    assert leaf(claims={1: ISSUER}) == "signature"


MISSING_SCTS: dict[str, tuple[Sct, ...]] = {
    "none": (),
    "one of an unknown log": (Sct(log=UNKNOWN_CT),),
}
INVALID_SCTS: dict[str, tuple[Sct, ...]] = {
    "for another issuer": (good_sct(issuer_spki=b"another"),),
    "with a foreign signature": (good_sct(signature=UNKNOWN_CT.log_id),),
    "the trusted one of two fails": (Sct(log=UNKNOWN_CT), good_sct(issuer_spki=b"another")),
}


@pytest.mark.parametrize("defect", [*MISSING_SCTS, *INVALID_SCTS])
def test_a_certificate_without_a_valid_sct_is_refused(defect: str) -> None:
    scts = {**MISSING_SCTS, **INVALID_SCTS}[defect]
    expected = {"sct_missing"} if not scts else {"sct_missing", "sct_invalid"}
    assert leaf(scts=scts) in ({"sct_invalid"} if defect.startswith(("for", "with")) else expected)
    assert leaf(scts=(good_sct(),)) == "signature"
    assert leaf(scts=(good_sct(extensions=b"extension"),)) == "signature"


def test_an_sct_of_another_version_cannot_be_read() -> None:
    assert leaf(scts=(good_sct(version=1),)) == "leaf_unsuitable"
    assert leaf(scts=(good_sct(version=0),)) == "signature"


def test_the_sct_of_another_certificate_is_invalid() -> None:
    own = WORLD.authority.issue(WORLD.leaf)
    stolen = own.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    signature = next(iter(stolen)).signature
    assert leaf(scts=(good_sct(signature=signature),)) == "sct_invalid"


def test_two_scts_of_one_log_count_once() -> None:
    def with_second_log(document: dict[str, Any]) -> None:
        (first,) = document["ctlogs"]
        key = {**first["publicKey"], "rawBytes": b64(spki(SECOND_CT.key))}
        document["ctlogs"].append({**first, "publicKey": key, "logId": {"keyId": b64(SECOND_CT.log_id)}})

    two = judge(root=trust(profile=TrustProfile(log_entries=1, scts=2, timestamps=0), edit=with_second_log))

    def scts(*given: Sct) -> str:
        return two.verdict(replace(WORLD, leaf=replace(WORLD.leaf, scts=given)).mint(Recipe()))

    assert scts(good_sct(), good_sct()) == "sct_missing"
    assert scts(good_sct(), good_sct(time=NOW - SECOND)) == "sct_missing"
    assert scts(good_sct(), Sct(log=SECOND_CT)) == "signature"


@pytest.mark.parametrize("recipe", SHAPES, ids=str)
def test_a_chain_to_a_root_that_only_the_evidence_brings_is_refused(recipe: Recipe) -> None:
    evil = replace(WORLD, authority=FakeCertificateAuthority(name="evil"))
    assert verdict(evil.mint(recipe)) == "chain_invalid"
    with_root = evil.mint(recipe, intermediates=evil.authority.chain)
    assert verdict(with_root) == ("bundle_malformed" if recipe.shape == "0.2" else "chain_invalid")
    assert judge(evil).verdict(evil.mint(recipe)) in {"signature", "attestation"}


def test_an_authority_of_the_same_name_with_another_key_is_another_authority() -> None:
    class Impostor(FakeCertificateAuthority):
        @property
        def issuing_key(self) -> Any:
            return FakeCertificateAuthority(name="evil").issuing_key

    assert verdict(replace(WORLD, authority=Impostor()).mint(Recipe())) == "chain_invalid"


def test_a_certificate_of_the_authority_does_not_issue_certificates() -> None:
    class Deputy(FakeCertificateAuthority):
        @property
        def issuing_key(self) -> Any:
            return WORLD.leaf.key

    for recipe in SHAPES[1:]:
        deputy = replace(WORLD, authority=Deputy(), leaf=replace(WORLD.leaf, name="deputised"))
        own = WORLD.authority.issue(WORLD.leaf)
        item = deputy.mint(recipe, intermediates=[own, WORLD.authority.intermediate])
        assert verdict(item) == "chain_invalid"


TIMES = [
    (-timedelta(minutes=5) - SECOND, "certificate_expired"),
    (-timedelta(minutes=5), "signature"),
    (timedelta(minutes=5), "signature"),
    (timedelta(minutes=5) + SECOND, "certificate_expired"),
]


@pytest.mark.parametrize(("offset", "expected"), TIMES)
def test_a_signature_made_outside_of_the_certificates_window_is_refused(offset: timedelta, expected: str) -> None:
    assert verdict(WORLD.mint(Recipe(), enter={"at": NOW + offset})) == expected
    tiled = Recipe(body="hashedrekord 0.0.2", stamped=True)
    assert verdict(WORLD.mint(tiled, stamp={"at": NOW + offset})) == expected
    assert verdict(WORLD.mint(Recipe(stamped=True), stamp={"at": NOW + offset})) == expected


EXPIRED = (NOW - 2 * YEAR, NOW - SECOND)


@pytest.mark.parametrize(
    "authority",
    [FakeCertificateAuthority(intermediate_window=EXPIRED), FakeCertificateAuthority(root_window=EXPIRED)],
    ids=["intermediate", "root"],
)
def test_cve_2026_24122_an_expired_authority_is_refused_on_every_path(authority: FakeCertificateAuthority) -> None:
    world = replace(WORLD, authority=authority)
    unlogged = judge(world, root=trust(world, profile=TrustProfile(log_entries=0, scts=0, timestamps=1)))
    stamped = Recipe(body="", stamped=True)
    assert unlogged.verdict(world.mint(stamped)) == "certificate_expired"
    for recipe in (*SHAPES, Recipe(body="hashedrekord 0.0.2", stamped=True)):
        assert judge(world).verdict(world.mint(recipe)) == "certificate_expired"
    assert judge(root=trust(profile=TrustProfile.github())).verdict(WORLD.mint(stamped)) == "signature"


@pytest.mark.parametrize(
    "authority",
    [
        FakeCertificateAuthority(intermediate_is_authority=False),
        FakeCertificateAuthority(intermediate_key_usage="digital_signature"),
    ],
    ids=["not an authority", "no keyCertSign"],
)
def test_an_intermediate_that_may_not_issue_is_refused_when_the_evidence_brings_it(
    authority: FakeCertificateAuthority,
) -> None:
    def only_the_root(document: dict[str, Any]) -> None:
        certificates = document["certificateAuthorities"][0]["certChain"]["certificates"]
        del certificates[0]

    own = replace(WORLD, authority=authority)
    for world, expected in ((own, "chain_invalid"), (WORLD, "signature")):
        judged = judge(world, root=trust(world, edit=only_the_root))
        assert judged.verdict(world.mint(Recipe(shape="0.2"))) == expected


def test_a_self_signed_certificate_in_a_bundle_is_malformed() -> None:
    root = WORLD.authority.root
    intermediates = [WORLD.authority.intermediate]
    assert verdict(WORLD.mint(Recipe(shape="0.2"), intermediates=[*intermediates, root])) == "bundle_malformed"
    assert verdict(WORLD.mint(Recipe(shape="0.2"), intermediates=intermediates)) == "signature"
    assert verdict(WORLD.mint(Recipe(shape="0.2"), intermediates=[])) == "signature"


IDENTITIES: dict[str, dict[str, Any]] = {
    "another workflow": {"san": (x509.UniformResourceIdentifier(WORKFLOW + "0"),)},
    "another issuer": {"claims": {1: ISSUER + "0", 8: ISSUER + "0"}},
    "another issuer of the first version": {"claims": {1: ISSUER + "0"}},
    "an e-mail address": {"san": (x509.RFC822Name("release@github.test"),)},
    "a name of another type": {"san": (OTHER_NAME,)},
    "a host": {"san": (x509.DNSName("github.test"),)},
    "no issuer": {"claims": {}},
}


@pytest.mark.parametrize("identity", IDENTITIES)
def test_another_identity_is_a_mismatch(identity: str) -> None:
    assert leaf(**IDENTITIES[identity]) == "identity_mismatch"


@pytest.mark.parametrize("claims", [{1: ISSUER, 8: "https://evil.test"}, {1: "https://evil.test", 8: ISSUER}])
def test_two_issuers_that_differ_are_refused(claims: dict[int, str]) -> None:
    assert leaf(claims=claims) == "identity_mismatch"


@pytest.mark.parametrize("octets", [utf8_string(ISSUER) + b"\x00", ISSUER.encode(), b"", utf8_string(ISSUER)[:-1]])
def test_an_issuer_that_is_not_exactly_one_string_is_refused(octets: bytes) -> None:
    broken = leaf(claims={}, raw=(("1.3.6.1.4.1.57264.1.8", octets),))
    assert broken == "identity_mismatch"
    assert leaf(claims={}, raw=(("1.3.6.1.4.1.57264.1.8", utf8_string(ISSUER)),)) == "signature"


def test_a_configured_key_is_not_met_by_a_certificate_with_that_key_nor_the_reverse() -> None:
    key = Authority(name="key", keys=(PublicKey(spki=spki(WORLD.leaf.key)),), root=ROOT)
    keyed = WORLD.mint(Recipe(keyless=False), signer=WORLD.leaf.key)
    assert judge(authorities=[key]).verdict(WORLD.mint(Recipe())) == "identity_mismatch"
    assert judge().verdict(keyed) == "signature_invalid"
    assert judge().verdict(WORLD.mint(Recipe())) == "signature"


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(shape="0.2")], ids=str)
def test_every_byte_of_a_certificate_matters(recipe: Recipe) -> None:
    own = WORLD.sign(recipe)
    entries = [own.enter(WORLD.log, recipe.body)]
    for place in range(len(own.signed.der)):
        altered = bytearray(own.signed.der)
        altered[place] ^= 0x55
        item = replace(own, signed=replace(own.signed, der=bytes(altered))).item(recipe.shape, entries=entries)
        assert verdict(item) not in {"internal", "signature"}, place


@pytest.mark.parametrize("raw", [b"", b"\x30\x00", b"\x30\x82\xff\xff", b"garbage", b"\x30" * 65_537])
def test_a_certificate_that_is_none_is_malformed(raw: bytes) -> None:
    def swap(bundle: dict[str, Any]) -> None:
        bundle["verificationMaterial"]["certificate"]["rawBytes"] = b64(raw)

    assert verdict(WORLD.mint(Recipe(), bundle=swap)) == ("bundle_malformed" if len(raw) < 65_536 else "evidence_limit")
