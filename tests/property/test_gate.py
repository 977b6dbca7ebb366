"""Taking evidence away, or tampering with it, never turns a denial into an allow."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.artefact import Artefact
from assay.domain.decision import Stage, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.gate import Candidate, GateQuestion
from assay.domain.reference import Repository
from assay.usecases.gate import ask_gate
from tests.fakes.engine import CALLER, World, candidate, good_bundles
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT, SPDX_TYPE, spdx_predicate
from tests.fakes.signing import FakeAuthority

IMAGE = Digest.of(image())
ARTEFACT = Artefact(repository=Repository.parse("registry.example/team-a/app"), digest=IMAGE)
GOOD = good_bundles(FakeAuthority(), IMAGE)
WORTHLESS = {
    **{f"foreign {name}": bundle for name, bundle in good_bundles(FakeAuthority("stranger"), IMAGE).items()},
    **{f"moved {name}": bundle for name, bundle in good_bundles(FakeAuthority(), Digest.of(b"other")).items()},
    "denied sbom": FakeAuthority().bundle(IMAGE, predicate_type=SPDX_TYPE, predicate=spdx_predicate("GPL-3.0-only")),
    "garbage": b"{}",
}
ALL = {**GOOD, **WORTHLESS}
SUBSETS = st.sets(st.sampled_from(sorted(ALL)))
FAULTS = st.sampled_from(
    [
        Unavailable("policy_engine_unavailable", "down", remedy="start it"),
        InvalidInput("policy_result_invalid", "nonsense", remedy="correct the policy"),
    ]
)


def verdict(evidence: Candidate, world: World | None = None) -> Verdict:
    world = world or World()
    question = GateQuestion(artefact=ARTEFACT, environment=ENVIRONMENT, evidence=evidence)
    answer = ask_gate(world.engine(), question, CALLER, world.deadline())
    assert world.log.decisions[0].verdict is answer.verdict
    return answer.verdict


@given(SUBSETS)
def test_only_all_of_the_good_evidence_is_allowed_whatever_lies_beside_it(chosen: set[str]) -> None:
    allowed = set(GOOD) <= chosen and "denied sbom" not in chosen
    assert (verdict(candidate({name: ALL[name] for name in chosen})) is Verdict.ALLOW) is allowed


@given(SUBSETS, SUBSETS)
def test_taking_good_evidence_away_never_allows(chosen: set[str], removed: set[str]) -> None:
    before = verdict(candidate({name: ALL[name] for name in chosen}))
    kept = chosen - (removed & set(GOOD))
    after = verdict(candidate({name: ALL[name] for name in kept}))
    assert not (after is Verdict.ALLOW and before is not Verdict.ALLOW)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_one_changed_byte_of_good_evidence_never_allows_what_was_denied(name: str, data: st.DataObject) -> None:
    bundle = GOOD[name]
    place = data.draw(st.integers(0, len(bundle) - 1))
    octet = data.draw(st.integers(0, 255).filter(lambda value: value != bundle[place]))
    tampered = bundle[:place] + bytes([octet]) + bundle[place + 1 :]
    alone = candidate({name: tampered})
    assert verdict(alone) is not Verdict.ALLOW
    rest = {other: content for other, content in GOOD.items() if other != name}
    assert verdict(candidate(rest)) is not Verdict.ALLOW


@given(FAULTS, st.sampled_from([None, *Stage]))
def test_a_fault_of_the_engine_never_allows(fault: Unavailable | InvalidInput, stage: Stage | None) -> None:
    world = World()
    world.policy.error, world.policy.only = fault, stage
    assert verdict(candidate(GOOD), world) is Verdict.DENY
    assert verdict(replace(candidate(GOOD))) is Verdict.ALLOW
