"""The last two steps: decide the request over the judged images, and record the decision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from assay.domain.compressed import Compressed
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Finding, Outcome, Recorded, Stage, StageVerdict, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.evidence import Gap, Rejection
from assay.ports.decision_pipeline import DecisionPipeline
from assay.usecases.break_glass import Denial, reconsider
from assay.usecases.decide import decide_stage
from assay.usecases.document import JudgedImage, RequestFacts, canonical, request_document
from assay.usecases.engine import Engine, Scope
from assay.usecases.judge import Judged
from assay.usecases.proof import ask_anew
from assay.usecases.recollection import recall_proof
from assay.usecases.record import record_decision

T = TypeVar("T", Digest, Gap, Rejection)

_REQUEST_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: what a rule may read of the request, and what only the log keeps (as an HMAC, deletable).

    `final` says that the object is not changed any more.
    """

    request: RequestFacts
    preimage: dict[str, object] = field(hash=False)
    dry_run: bool = False
    final: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """A recorded decision, and what it said before anybody was granted more; `request` is the document it asked about.

    The document is in canonical form.
    """

    decision: Decision
    recorded: Recorded
    outcome: Outcome
    request: bytes = field(repr=False)


def conclude(engine: Engine, judged: Sequence[Judged], asker: Asker, scope: Scope, deadline: Deadline) -> Concluded:
    """Decide the request stage over the judged images, build the decision and record it durably.

    A denial that break-glass grants cover is recorded as the allow that they make of it.
    Raises what `record_decision` raises when the decision could not be recorded: then nothing was decided.
    """
    images = [_image(item) for item in judged]
    document = request_document(
        request=asker.request,
        tenant=scope.tenant,
        environment=scope.environment,
        kind=scope.kind,
        policy=engine.identity(),
        since=engine.policy.loaded().since(engine.clock.now()),
        images=images,
    )
    octets = canonical(document)
    with engine.step("decide"):
        request = decide_stage(
            engine.policy,
            Stage.REQUEST,
            document,
            gaps=(),
            images=images,
            tenant=scope.tenant,
            environment=scope.environment,
            deadline=deadline.part(_REQUEST_SHARE),
            recall=partial(recall_proof, engine, octets) if scope.may_recall else ask_anew,
        )
    outcome = _outcome(engine, judged, request, scope, _input(judged, octets))
    decision = _reconsidered(engine, judged, request, asker, decide_now(engine, outcome, asker))
    return Concluded(decision=decision, recorded=record(engine, decision, deadline), outcome=outcome, request=octets)


def decide_now(engine: Engine, outcome: Outcome, asker: Asker) -> Decision:
    """The decision with this outcome at this moment."""
    return Decision.of(
        outcome,
        decision_id=engine.new_id(),
        time=engine.clock.now(),
        dry_run=asker.dry_run,
        preimage=canonical(asker.preimage),
    )


def record(engine: Engine, decision: Decision, deadline: Deadline) -> Recorded:
    """Record a decision durably and count it; raises what `record_decision` raises: then nothing was decided."""
    with engine.step("record"):
        recorded = record_decision(engine.log, decision, deadline)
    engine.metrics.count_decision(decision.kind.value, decision.verdict.value)
    return recorded


def record_soon(
    engine: Engine,
    pipeline: DecisionPipeline,
    decision: Decision,
    deadline: Deadline,
    then: Callable[[Callable[[], None] | None], None],
) -> None:
    """Begin to record a decision, and call `then` once: with what counts it when it is recorded, with None as the port.

    The record of another decision is none. Counting may fail, so it is left to whoever answers for that.
    """
    begun = engine.clock.monotonic()

    def count() -> None:
        engine.metrics.observe_step("record", engine.clock.monotonic() - begun)
        engine.metrics.count_decision(decision.kind.value, decision.verdict.value)

    def tell(recorded: Recorded | None) -> None:
        then(None if recorded is None or recorded.id != decision.id else count)

    pipeline.record_soon(decision, deadline, tell)


def _image(judged: Judged) -> JudgedImage:
    return JudgedImage(
        key=str(judged.reference),
        reference=judged.reference,
        digest=judged.digest,
        verdict=judged.verdict,
        runs_already=judged.runs_already,
        stale_seconds=judged.stale_seconds,
    )


def _reconsidered(
    engine: Engine, judged: Sequence[Judged], request: StageVerdict, asker: Asker, decision: Decision
) -> Decision:
    if engine.break_glass is None:
        return decision
    denial = Denial(
        decision=decision,
        stages=(request, *(item.verdict for item in judged)),
        images={str(item.reference): item.digest for item in judged},
        namespace=asker.request.namespace,
        asked=(asker.request.kind, asker.request.actor_subject, asker.request.service_account),
        final=asker.final,
    )
    return reconsider(engine.break_glass, denial, engine.trust.snapshot(), engine.metrics, engine.limits)


def _input(judged: Sequence[Judged], request: bytes) -> Compressed:
    """The canonical form of `{"evidence": [document …], "request": document}`, out of parts that have it already."""
    evidence = b",".join(document.content() for item in judged for document in item.facts.documents)
    return Compressed.of(b'{"evidence":[%b],"request":%b}' % (evidence, request))


def _outcome(
    engine: Engine, judged: Sequence[Judged], request: StageVerdict, scope: Scope, document: Compressed
) -> Outcome:
    findings = (
        *(finding for item in judged for finding in item.verdict.findings),
        *request.findings,
    )
    verdict = _verdict(judged, request, findings)
    commits = {item.facts.source_commit for item in judged}
    return Outcome(
        kind=scope.kind,
        tenant=scope.tenant,
        environment=scope.environment,
        artefacts=tuple(item.artefact for item in judged if item.artefact is not None),
        verdict=verdict,
        retryable=_retryable(verdict, findings),
        images_unchanged=bool(judged) and all(item.runs_already for item in judged),
        findings=findings,
        gaps=_together([item.facts.gaps for item in judged]),
        rejected=_together([item.facts.rejected for item in judged]),
        evidence=_together([item.facts.evidence for item in judged]),
        source_commit=commits.pop() if len(commits) == 1 else "",
        policy=engine.identity(),
        document=document,
    )


def _together(parts: Sequence[tuple[T, ...]]) -> tuple[T, ...]:
    """All of them once, in order; those of one image are that already, and most requests have one."""
    return parts[0] if len(parts) == 1 else tuple(sorted({item for part in parts for item in part}))


def _verdict(judged: Sequence[Judged], request: StageVerdict, findings: Sequence[Finding]) -> Verdict:
    stages = (request, *(item.verdict for item in judged))
    if judged and all(stage.verdict is Verdict.ALLOW for stage in stages):
        return Verdict.ALLOW
    blocking = [finding for finding in findings if finding.blocks]
    open_questions = bool(blocking) and all(finding.status is Status.INDETERMINATE for finding in blocking)
    return Verdict.INDETERMINATE if open_questions else Verdict.DENY


def _retryable(verdict: Verdict, findings: Sequence[Finding]) -> bool:
    blocking = [finding for finding in findings if finding.blocks]
    return verdict is not Verdict.ALLOW and bool(blocking) and all(finding.retryable for finding in blocking)
