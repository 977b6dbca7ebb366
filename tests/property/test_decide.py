"""Faults in the answer or in the document never turn a deny into an allow."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.decision import Stage, StageVerdict, Verdict
from assay.domain.evidence import Gap, GapKind
from assay.domain.reason import GapReason
from assay.usecases.decide import decide_stage
from tests.fakes.policy import ENVIRONMENT, NOW, TENANT, FakeEngine, changed, deadline, paths, policy, rule

SIGNED = rule("signature.authority", requires=("signature",))
FOUND = rule("sbom.found", counts="sboms", requires=("sbom",))
ADVICE = rule("licence.unknown", counts="packages")
LOADED = policy(SIGNED, FOUND, ADVICE, mandatory=(SIGNED.code, FOUND.code))
OUTAGE = Gap(kind=GapKind.SBOM, reason=GapReason.FETCH_ERROR, code="registry_unavailable")
DOCUMENT: dict[str, object] = {
    "request": {"tenant": TENANT, "environment": ENVIRONMENT},
    "context": {"time_s": int(NOW.timestamp())},
    "signatures": [{}],
    "sbom": [{"packages": [{}]}],
}
ALLOWED: dict[str, object] = {
    "allow": True,
    "findings": [],
    "holds": {SIGNED.code: True, FOUND.code: True},
    "checked": {SIGNED.code: 1, FOUND.code: 1, ADVICE.code: 1},
}
DENIED: dict[str, object] = {
    "allow": False,
    "findings": [{"code": SIGNED.code, "term": "t", "msg": "m", "evidence": [["signatures", 0]]}],
    "holds": {FOUND.code: True},
    "checked": {SIGNED.code: 1, FOUND.code: 1, ADVICE.code: 1},
}
VALUES: st.SearchStrategy[object] = st.sampled_from([None, True, False, 0, 1, "", "x", [], {}, [[]], {"x": True}])


def mutant(data: st.DataObject, value: object) -> object:
    """The value with up to three places dropped or replaced."""
    for _ in range(data.draw(st.integers(1, 3))):
        places = sorted(paths(value), key=str)
        if not places:
            return value
        path = data.draw(st.sampled_from(places))
        replacement = data.draw(st.none() | VALUES.map(lambda item: (item,)))
        value = changed(value, path, None if replacement is None else lambda _, item=replacement: item[0])  # type: ignore[misc]
    return value


def decide(answer: object, document: object, gaps: tuple[Gap, ...] = ()) -> StageVerdict:
    return decide_stage(
        FakeEngine(LOADED, answer),
        Stage.EVIDENCE,
        document,  # type: ignore[arg-type]  # the mutants are of any shape
        gaps,
        tenant=TENANT,
        environment=ENVIRONMENT,
        deadline=deadline(),
    )


def test_the_bases_are_what_they_are_called() -> None:
    assert decide(ALLOWED, DOCUMENT).verdict is Verdict.ALLOW
    assert decide(DENIED, DOCUMENT).verdict is Verdict.DENY
    assert decide(ALLOWED, DOCUMENT, (OUTAGE,)).verdict is Verdict.INDETERMINATE


@given(data=st.data())
def test_a_damaged_deny_is_no_allow(data: st.DataObject) -> None:
    assert decide(mutant(data, DENIED), DOCUMENT).verdict is not Verdict.ALLOW


@given(data=st.data())
def test_a_deny_over_a_damaged_document_is_no_allow(data: st.DataObject) -> None:
    assert decide(DENIED, mutant(data, DOCUMENT)).verdict is not Verdict.ALLOW


@given(data=st.data())
def test_a_missing_fact_is_not_overruled_by_any_answer(data: st.DataObject) -> None:
    verdict = decide(mutant(data, ALLOWED), mutant(data, DOCUMENT), (OUTAGE,))
    assert verdict.verdict is not Verdict.ALLOW


def test_an_allow_needs_every_part_of_its_proof() -> None:
    for path in paths(ALLOWED):
        verdict = decide(changed(ALLOWED, path, None), DOCUMENT).verdict
        assert (verdict is Verdict.ALLOW) == (path == ("checked", ADVICE.code))


@given(answer=st.recursive(VALUES, lambda items: st.lists(items) | st.dictionaries(st.text(), items), max_leaves=5))
def test_an_arbitrary_answer_is_no_allow(answer: object) -> None:
    assert decide(copy.deepcopy(answer), DOCUMENT).verdict is Verdict.DENY
