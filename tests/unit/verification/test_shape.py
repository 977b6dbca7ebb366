"""Every shape of evidence, minted by fakes of the real parties, becomes the claim that it is."""

from dataclasses import replace

import pytest

from assay.domain.evidence import Rejection, SignatureClaim
from assay.domain.signer import KeySigner, SignerIdentity
from tests.fakes.certificate import ISSUER, NOW, WORKFLOW
from tests.fakes.judge import WORLD, judge, release, trust, verdict
from tests.fakes.sigstore import IMAGE, PROVENANCE, RECIPES, Recipe
from tests.fakes.transparency import SHARD

JUDGE = judge()
OFFLINE = judge(authorities=[release(WORLD, root="")])


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_every_shape_becomes_a_claim_with_signer_time_and_log_entry(recipe: Recipe) -> None:
    claim = JUDGE.outcome(WORLD.mint(recipe))
    assert not isinstance(claim, Rejection), claim
    assert isinstance(claim, SignatureClaim) == (recipe.shape != "att")
    assert claim.authorities == (("acme",) if recipe.keyless else ("release",))
    if isinstance(claim.signer, SignerIdentity):
        assert (claim.signer.issuer, claim.signer.san) == (ISSUER, WORKFLOW)
    else:
        assert claim.signer == KeySigner(key_id=WORLD.public_key.key_id)
    assert set(claim.times) == {NOW}
    assert len(claim.log_entries) == 1


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if not recipe.keyless], ids=str)
def test_a_key_without_a_trust_root_verifies_every_shape_and_reports_neither_time_nor_entry(recipe: Recipe) -> None:
    claim = OFFLINE.outcome(WORLD.mint(recipe))
    assert not isinstance(claim, Rejection), claim
    assert (claim.times, claim.log_entries) == ((), ())


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe.signs != "message"], ids=str)
def test_every_shape_of_a_foreign_image_is_a_subject_mismatch(recipe: Recipe) -> None:
    assert verdict(WORLD.mint(recipe, manifest=b"foreign")) == "subject_mismatch"


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_every_shape_signed_by_another_key_than_it_shows_is_invalid(recipe: Recipe) -> None:
    stranger = replace(WORLD, key_name="stranger").key
    assert verdict(WORLD.mint(recipe, signer=stranger)) == "signature_invalid"


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_no_shape_loses_its_log_entry_unnoticed(recipe: Recipe) -> None:
    bare = WORLD.mint(replace(recipe, body=""))
    assert verdict(bare) == "trust_profile_unmet"


@pytest.mark.parametrize(
    "kind", ["p256", "p384", "p384-sha256", "p521", "p521-sha256", "ed25519", "ed25519ph", "rsa2048"]
)
@pytest.mark.parametrize("keyless", [True, False])
def test_every_kind_of_key_signs(kind: str, *, keyless: bool) -> None:
    world = replace(WORLD, key_kind=kind, leaf=replace(WORLD.leaf, kind=kind))
    kinds = judge(world)
    assert kinds.verdict(world.mint(Recipe(keyless=keyless))) == "signature"
    tiled = Recipe(keyless=keyless, body="hashedrekord 0.0.2", stamped=True)
    assert kinds.verdict(world.mint(tiled)) == "signature"


def test_the_indices_of_an_entry_are_reported_as_far_as_they_are_authentic() -> None:
    stamped = Recipe(stamped=True)
    both = JUDGE.outcome(WORLD.mint(stamped))
    proven = JUDGE.outcome(WORLD.mint(replace(stamped, promise=False)))
    promised = JUDGE.outcome(WORLD.mint(replace(stamped, shape="0.1", proof=False)))
    for claim, index, leaf in ((both, SHARD + 1, 1), (proven, None, 1), (promised, SHARD + 1, None)):
        assert not isinstance(claim, Rejection), claim
        assert [(entry.index, entry.leaf) for entry in claim.log_entries] == [(index, leaf)]


@pytest.mark.parametrize(("size", "index"), [(1, 0), (2, 0), (2, 1), (7, 6), (8, 3)])
def test_entries_anywhere_in_trees_of_any_size_are_proven(size: int, index: int) -> None:
    claim = JUDGE.outcome(WORLD.mint(Recipe(), enter={"size": size, "index": index}))
    assert not isinstance(claim, Rejection), claim
    assert [entry.leaf for entry in claim.log_entries] == [index]


def test_an_attestation_bundle_is_an_attestation() -> None:
    assert verdict(WORLD.mint(Recipe(), predicate_type=PROVENANCE)) == "attestation"


def test_evidence_is_judged_under_the_trust_root_of_its_authority_only() -> None:
    other = replace(WORLD, log=replace(WORLD.log, name="other.test"))
    foreign = judge(root=trust(other))
    assert foreign.verdict(WORLD.mint(Recipe())) == "log_proof_invalid"
    assert foreign.verdict(other.mint(Recipe())) == "signature"
    assert foreign.subject == IMAGE
