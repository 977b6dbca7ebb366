"""What a trust root demands holds under that root alone: no profile is a switch for another one."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from assay.domain.errors import ConfigError
from assay.domain.evidence import Claim, EvidenceItem, Rejection
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.verification.identity import IdentityPattern
from assay.verification.item import verify_item
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustProfile
from tests.fakes.certificate import NOW, YEAR, FakeCertificateAuthority
from tests.fakes.judge import ACME, ROOT, WORLD, judge, release, trust
from tests.fakes.sigstore import IMAGE, FakeSigstore, Recipe
from tests.fakes.timestamping import FakeTimestampAuthority
from tests.fakes.transparency import Json

RELEASES = "https://dotcom.releases.github.test"
GITHUB = FakeSigstore(
    authority=FakeCertificateAuthority(name="github"),
    tsa=FakeTimestampAuthority(name="github tsa"),
    leaf=replace(
        WORLD.leaf,
        name="github",
        scts=(),
        claims={},
        san=(x509.UniformResourceIdentifier(RELEASES),),
        start=NOW - timedelta(days=30),
        end=NOW + YEAR,
    ),
)
GITHUB_ROOT = trust(GITHUB, profile=TrustProfile.github(), edit=lambda document: document.update(tlogs=[], ctlogs=[]))
HUB = Authority(
    name="hub",
    identities=(IdentityPattern(issuer=None, san=TextPattern(exact=RELEASES)),),
    root="github",
)
UNLOGGED = Recipe(body="", stamped=True)
ROOTS = {ROOT: trust(), "github": GITHUB_ROOT}


def both(item: EvidenceItem, *, authorities: tuple[Authority, ...] = (ACME, HUB, release(WORLD))) -> Claim | Rejection:
    """What both worlds together say."""
    return verify_item(item, subject=IMAGE, authorities=authorities, roots=ROOTS, limits=Limits())


def code(outcome: Claim | Rejection) -> str:
    return outcome.code if isinstance(outcome, Rejection) else "+".join(outcome.authorities)


def release_statement(statement: Json) -> None:
    subject = {"uri": "pkg:github/acme/app@v1", "digest": {"sha1": "0" * 40, "sha256": IMAGE.hex}}
    statement["subject"] = [{"uri": "pkg:github/acme/app@v1", "digest": {"sha1": "0" * 40}}, subject]


def test_a_release_attestation_of_githubs_own_instance_holds_under_its_root() -> None:
    claim = both(GITHUB.mint(UNLOGGED, statement=release_statement))
    assert not isinstance(claim, Rejection), claim
    assert claim.authorities == ("hub",)
    assert (claim.times, claim.log_entries) == ((NOW,), ())


def test_evidence_without_log_and_sct_is_refused_under_the_public_root_beside_githubs() -> None:
    no_sct = replace(WORLD, leaf=replace(WORLD.leaf, scts=()))
    assert code(both(WORLD.mint(UNLOGGED))) == "timestamp_invalid"
    assert code(both(no_sct.mint(Recipe(stamped=True)))) == "sct_missing"
    assert code(both(WORLD.mint(Recipe(stamped=True)))) == "acme"


def test_an_identity_of_one_root_is_not_met_by_a_certificate_of_another() -> None:
    posing = replace(GITHUB, leaf=replace(WORLD.leaf, name="posing", scts=()))
    assert code(both(posing.mint(UNLOGGED))) != "acme"
    assert isinstance(both(posing.mint(UNLOGGED)), Rejection)
    posing = replace(WORLD, leaf=replace(GITHUB.leaf, name="posing", scts=WORLD.leaf.scts))
    assert isinstance(both(posing.mint(Recipe(stamped=True))), Rejection)


def test_githubs_root_needs_a_timestamp() -> None:
    assert isinstance(both(GITHUB.mint(replace(UNLOGGED, stamped=False))), Rejection)
    assert code(both(GITHUB.mint(replace(UNLOGGED, stamped=False)), authorities=(HUB,))) == "trust_profile_unmet"
    late = {"at": NOW + 2 * YEAR}
    assert code(both(GITHUB.mint(UNLOGGED, stamp=late), authorities=(HUB,))) == "certificate_expired"
    assert code(both(GITHUB.mint(UNLOGGED), authorities=(HUB,))) == "hub"


def test_a_log_entry_under_a_root_without_that_log_is_refused_although_none_is_needed() -> None:
    logged = GITHUB.mint(Recipe(stamped=True))
    assert code(both(logged, authorities=(HUB,))) == "log_proof_invalid"


def test_evidence_for_a_trust_root_that_is_not_loaded_is_refused() -> None:
    elsewhere = replace(ACME, root="elsewhere")
    keyed = replace(release(WORLD), root="elsewhere")
    assert code(both(WORLD.mint(Recipe()), authorities=(elsewhere,))) == "trust_root_unavailable"
    assert code(both(WORLD.mint(Recipe(keyless=False)), authorities=(keyed,))) == "trust_root_unavailable"
    assert code(both(WORLD.mint(Recipe()), authorities=(elsewhere, ACME))) == "acme"


def test_a_key_with_and_without_a_trust_root_is_judged_by_each() -> None:
    offline = replace(release(WORLD, root=""), name="offline")
    logged, bare = WORLD.mint(Recipe(keyless=False)), WORLD.mint(Recipe(keyless=False, body=""))
    assert code(both(logged, authorities=(offline, release(WORLD)))) == "offline+release"
    assert code(both(bare, authorities=(offline, release(WORLD)))) == "offline"
    assert code(both(bare, authorities=(release(WORLD),))) == "trust_profile_unmet"


@pytest.mark.parametrize("profile", [(0, 0, 0), (0, 1, 0), (-1, 0, 2), (1, -1, 0)])
def test_a_profile_that_demands_no_time_is_a_mistake_of_the_configuration(profile: tuple[int, int, int]) -> None:
    logs, scts, timestamps = profile
    with pytest.raises(ConfigError) as caught:
        TrustProfile(log_entries=logs, scts=scts, timestamps=timestamps)
    assert caught.value.code == "trust_profile_invalid"
    assert TrustProfile(log_entries=1, scts=0, timestamps=0)


def _with_chain(bundle: Json) -> None:
    chain = [bundle["verificationMaterial"].pop("certificate")]
    bundle["verificationMaterial"]["x509CertificateChain"] = {"certificates": chain}


def test_a_chain_in_a_bundle_of_version_3_holds_only_where_the_profile_allows_it() -> None:
    item = WORLD.mint(Recipe(), bundle=_with_chain)
    private = TrustProfile(log_entries=1, scts=1, timestamps=0, certificate_chains=True)
    assert judge().verdict(item) == "bundle_unsupported"
    assert judge(root=trust(profile=private)).verdict(item) == "signature"


def _without_intermediate(document: Json) -> None:
    del document["certificateAuthorities"][0]["certChain"]["certificates"][0]


@pytest.mark.parametrize("shape", ["0.1", "0.2", "sig", "att"])
def test_a_private_authority_may_be_configured_by_its_root_alone(shape: str) -> None:
    recipe = Recipe(shape=shape, body="hashedrekord 0.0.1" if shape == "sig" else "dsse 0.0.1")
    private = judge(root=trust(edit=_without_intermediate))
    assert private.verdict(WORLD.mint(recipe)) in {"signature", "attestation"}
    assert private.verdict(WORLD.mint(recipe, intermediates=())) == "chain_invalid"
    evil = FakeCertificateAuthority(name="evil").intermediate
    assert private.verdict(WORLD.mint(recipe, intermediates=(evil,))) == "chain_invalid"


def test_two_timestamps_of_one_profile_are_both_needed() -> None:
    two = judge(root=trust(profile=TrustProfile(log_entries=0, scts=1, timestamps=2)))
    own = WORLD.sign(Recipe())
    tokens: list[Any] = [WORLD.tsa.stamp(own.signed.signature, serial=serial) for serial in (1, 2)]
    assert two.verdict(own.item("0.3", tokens=tokens[:1])) == "trust_profile_unmet"
    assert two.verdict(own.item("0.3", tokens=tokens)) == "signature"
