"""Who signed counts once, whatever the number of signatures, formats and annotations (GHSA of quorum bypasses)."""

from dataclasses import replace
from typing import Any

from assay.domain.evidence import Claim, Rejection, SignatureClaim
from tests.fakes.judge import ACME, WORLD, judge, release
from tests.fakes.sigstore import RECIPES, FakeSigstore, Recipe
from tests.fakes.transparency import Json

SECOND = replace(WORLD, key_name="second")
JUDGE = judge(authorities=[ACME, release(WORLD), replace(release(SECOND), name="second")])


def claim(recipe: Recipe, world: FakeSigstore = WORLD, **changes: Any) -> Claim:
    outcome = JUDGE.outcome(world.mint(recipe, **changes))
    assert not isinstance(outcome, Rejection), outcome
    return outcome


def test_the_same_key_counts_once_in_every_format() -> None:
    keyed = [recipe for recipe in RECIPES if not recipe.keyless]
    assert len({claim(recipe).signer.id for recipe in keyed}) == 1
    assert claim(keyed[0], SECOND).signer.id != claim(keyed[0]).signer.id
    assert claim(keyed[0], SECOND).authorities == ("second",)


def test_the_same_identity_counts_once_whatever_key_and_certificate_it_used() -> None:
    keyless = [recipe for recipe in RECIPES if recipe.keyless]
    other_leaf = replace(WORLD, leaf=replace(WORLD.leaf, name="another", claims={**WORLD.leaf.claims, 3: "0" * 40}))
    ids = {claim(recipe, world).signer.id for recipe in keyless for world in (WORLD, other_leaf)}
    assert len(ids) == 1
    assert claim(Recipe(keyless=False)).signer.id not in ids


def test_a_key_and_an_identity_with_the_same_key_are_two_signers_only_for_their_own_authorities() -> None:
    assert claim(Recipe(keyless=False)).authorities == ("release",)
    assert claim(Recipe()).authorities == ("acme",)


def test_annotations_belong_to_the_signature_that_signed_them() -> None:
    def annotate(document: Json) -> None:
        if "subject" in document:
            document["subject"][0]["annotations"] = {"env": "prod"}
        else:
            document["optional"] = {"env": "prod"}

    for recipe in (Recipe(), Recipe(shape="sig", body="hashedrekord 0.0.1")):
        bare, annotated = claim(recipe), claim(recipe, statement=annotate)
        assert isinstance(bare, SignatureClaim)
        assert isinstance(annotated, SignatureClaim)
        assert (bare.annotations, annotated.annotations) == ((), (("env", "prod"),))
