"""The gate: whether an artefact may be published."""

from dataclasses import replace
from typing import assert_never

from assay.domain.caller import Caller
from assay.domain.deadline import Deadline
from assay.domain.decision import DecisionKind
from assay.domain.errors import InvalidInput
from assay.domain.gate import Candidate, FromLayout, FromRegistry, GateAnswer, GateQuestion
from assay.usecases.conclude import Asker, conclude
from assay.usecases.document import RequestFacts
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.judge import JUDGE_SHARE, Judged, judge_resolved, unreadable
from assay.usecases.resolve import resolve

_NOTHING_TO_JUDGE = frozenset({"manifest_unknown", "registry_not_configured", "layout_unknown"})
"""Codes that say there is no artefact the caller could mean: an answer about the call, not a decision."""


def ask_gate(engine: Engine, question: GateQuestion, caller: Caller, deadline: Deadline) -> GateAnswer:
    """Decide and record whether the artefact may be published.

    Tenant and policy follow from the caller. What is read from a mirror is judged and recorded under the name of its
    origin. Raises `InvalidInput` when there is no such artefact and `Unavailable`
    when it cannot be read or the decision cannot be recorded: then nothing was decided.
    """
    engine = engine.for_one_request()
    scope = Scope(kind=DecisionKind.GATE, tenant=caller.tenant, environment=question.environment)
    judged = _judge(engine, question, scope, deadline.part(JUDGE_SHARE))
    asker = Asker(
        request=RequestFacts(operation="publish", actor_type="caller", actor_subject=caller.name),
        preimage={"caller": caller.name, "kind": "gate"},
    )
    concluded = conclude(engine, [judged], asker, scope, deadline)
    decision, recorded = concluded.decision, concluded.recorded
    return GateAnswer(
        decision_id=decision.id,
        verdict=decision.verdict,
        retryable=decision.retryable,
        artefact=question.artefact,
        environment=decision.environment,
        findings=tuple(finding for finding in decision.findings if finding.shown),
        gaps=decision.gaps,
        rejected=decision.rejected,
        leaf=recorded.leaf,
        index=recorded.index,
        proof=recorded.proof,
    )


def _judge(engine: Engine, question: GateQuestion, scope: Scope, deadline: Deadline) -> Judged:
    source = _source(engine, question)
    artefact = question.artefact
    if isinstance(question.evidence, FromRegistry):
        artefact = replace(artefact, repository=engine.mirrors.origin(artefact.repository))
    reference = artefact.reference
    try:
        with engine.step("resolve"):
            resolved = resolve(source.registry, reference, deadline)
        return judge_resolved(engine, source, reference, resolved, scope, deadline)
    except InvalidInput as error:
        if error.code in _NOTHING_TO_JUDGE:
            raise
        return unreadable(reference, error)


def _source(engine: Engine, question: GateQuestion) -> Source:
    match question.evidence:
        case FromRegistry():
            return Source(registry=engine.registry)
        case FromLayout(path=path):
            return Source(registry=engine.open_layout(path), reader="layout")
        case Candidate() as candidate:
            return Source(registry=engine.open_candidate(question.artefact, candidate), reader="candidate")
        case other:
            assert_never(other)
