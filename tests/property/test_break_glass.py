"""Break-glass never allows more than was granted: whatever stands in the way, whoever signed, whatever fails."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.decision import DecisionKind, Finding, Severity, Stage, StageVerdict, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.break_glass import parse_grant
from assay.usecases.break_glass import Denial, reconsider
from tests.fakes.decision import denied
from tests.fakes.engine import trust_in
from tests.fakes.grants import NOW, SECURITY, glass, identify, mint_grant, terms
from tests.fakes.metrics import CountingMetrics
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.signing import FakeAuthority
from tests.property.test_evidence_parsers import JSON

STRANGER = FakeAuthority("stranger")
DIGESTS = {name: Digest.of(name.encode()) for name in ("a", "b", "c")}
IMAGES: Mapping[str, Digest | None] = {**DIGESTS, "unresolved": None}
TRUST = trust_in(SECURITY.authority, STRANGER.authority)
GOOD: dict[str, Any] = {}
CHANGES = st.sampled_from(
    [
        GOOD,
        GOOD,
        {"tenant": "other"},
        {"namespaces": ["other"]},
        {"expires": NOW},
        {"not_before": NOW + timedelta(seconds=1)},
        {"uses": 11},
        {"signer": STRANGER},
    ]
)
GRANTS = st.lists(st.tuples(st.sets(st.sampled_from(sorted(DIGESTS)), min_size=1), CHANGES), max_size=3)
BLAMED = st.sets(st.sampled_from(["", *IMAGES]))
STATUSES = st.sampled_from([Status.VIOLATION, Status.INDETERMINATE])


def find(image: str, status: Status) -> Finding:
    stage = Stage.EVIDENCE if image else Stage.REQUEST
    return Finding(code="x.y", status=status, severity=Severity.HIGH, stage=stage, msg="no", image=image)


@given(
    granted=GRANTS,
    blamed=BLAMED,
    status=STATUSES,
    revoked=st.booleans(),
    fault=st.booleans(),
    dry_run=st.booleans(),
    kind=st.sampled_from([DecisionKind.ADMISSION, DecisionKind.ADMISSION, DecisionKind.GATE]),
)
def test_an_allow_is_covered_by_good_grants_and_a_denial_is_left_as_it_was(
    granted: list[tuple[set[str], dict[str, Any]]],
    blamed: set[str],
    status: Status,
    kind: DecisionKind,
    *,
    revoked: bool,
    fault: bool,
    dry_run: bool,
) -> None:
    findings = tuple(find(image, status) for image in sorted(blamed))
    decision = replace(
        denied(), kind=kind, tenant=TENANT, environment=ENVIRONMENT, time=NOW, findings=findings, dry_run=dry_run
    )
    stage = StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.DENY, findings=findings)
    denial = Denial(decision=decision, stages=[stage], images=IMAGES, namespace="shop")
    parts, grants = glass(*(mint_grant(*(DIGESTS[name] for name in names), **changes) for names, changes in granted))
    good = {name for names, changes in granted if changes == GOOD for name in names}
    grants.fault = fault
    if revoked:
        every = [identify(*map(DIGESTS.__getitem__, names)) for names, changes in granted if changes == GOOD]
        grants.revoked.update(dict.fromkeys(every, "over"))
    outcome = reconsider(parts, denial, TRUST, CountingMetrics(), Limits())
    helped = kind is DecisionKind.ADMISSION and not fault and not revoked and bool(blamed) and blamed <= good
    assert (outcome.verdict is Verdict.ALLOW) is helped
    assert outcome == decision or helped
    assert bool(grants.uses) is (helped and not dry_run)


@given(st.dictionaries(st.sampled_from(sorted(terms())) | st.text(max_size=5), JSON, max_size=9), st.booleans())
def test_a_predicate_is_a_grant_or_refused(changes: dict[str, object], whole: bool) -> None:  # noqa: FBT001  # hypothesis gives it
    predicate = {**terms(), **changes} if whole else changes
    with suppress(InvalidInput):
        assert parse_grant(predicate, DIGESTS.values()).uses > 0
