"""Admission: whether a workload may run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion, ImageAnswer
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, DecisionKind, Verdict
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.ports.decision_pipeline import DecisionPipeline
from assay.usecases.break_glass import is_granted
from assay.usecases.conclude import Asker, conclude, decide_now, record, record_soon
from assay.usecases.document import RequestFacts
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.hold_tags import hold_tags
from assay.usecases.judge import JUDGE_SHARE, Judged, leave_unjudged, unreadable
from assay.usecases.judge_all import judge_all
from assay.usecases.repeated import find_repeatable, keep_outcome, recall_outcome

Give = Callable[[Callable[[], AdmissionAnswer]], None]
"""Takes what gives an answer, or raises what `admit` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionScope:
    """The tenant and environment of the namespace, the labels it was found by, and how sure we are of who calls."""

    tenant: str
    environment: str
    caller: str
    namespace_labels: tuple[tuple[str, str], ...] = ()


def admit(
    engine: Engine, question: AdmissionQuestion, admission: AdmissionScope, deadline: Deadline
) -> AdmissionAnswer:
    """Judge every image of the question, decide the request and record one decision.

    An image in a mirror is judged, named in findings and recorded under its origin, and answered as it was asked for.
    Guaranteed: an allow has an allowed digest for every image, unless the question says that the same images run
    already; then they are left unjudged, and only the request is decided. Raises `Unavailable` when the decision could
    not be recorded.
    """
    scope, asker = _scope(admission), _asker(question, admission)
    source = _find_source(engine, question, deadline.part(JUDGE_SHARE))
    asked = find_repeatable(engine, question, asker, scope, source)
    kept = recall_outcome(engine, asked) if asked is not None else None
    if kept is not None:
        return _record_now(engine, decide_now(engine, kept.outcome, asker), kept.images, deadline)
    engine = engine.for_one_request()
    judged = _judge_all(engine, source, question, scope, deadline.part(JUDGE_SHARE))
    concluded = conclude(engine, judged, asker, scope, deadline)
    images = _image_answers(engine, question, judged, concluded.decision)
    if asked is not None:
        keep_outcome(engine, asked, judged, concluded, images)
    return answer_with(concluded.decision, images)


def admit_soon(
    engine: Engine,
    pipeline: DecisionPipeline,
    question: AdmissionQuestion,
    admission: AdmissionScope,
    deadline: Deadline,
    now: Give,
    wait: Give,
) -> None:
    """Give the answer that a question got before, without waiting for anybody in this thread.

    Exactly one of the two is called once, here or by the pipeline: `now` when the decision is recorded, `wait` with
    what has to be called in a thread that may wait. Raises the `InvalidInput` of a decision that cannot be recorded.
    """
    scope, asker = _scope(admission), _asker(question, admission)
    source = Source(registry=engine.registry) if question.images_unchanged else engine.known_source(question)
    asked = find_repeatable(engine, question, asker, scope, source) if source is not None else None
    kept = recall_outcome(engine, asked, may_wait=False) if asked is not None else None
    if kept is None:
        wait(partial(admit, engine, question, admission, deadline))
        return
    decision, images = decide_now(engine, kept.outcome, asker), kept.images

    def settle(count: Callable[[], None] | None) -> None:
        if count is None:
            wait(partial(_record_now, engine, decision, images, deadline))
        else:
            now(partial(_count, count, decision, images))

    record_soon(engine, pipeline, decision, deadline, settle)


def _count(count: Callable[[], None], decision: Decision, images: tuple[ImageAnswer, ...]) -> AdmissionAnswer:
    count()
    return answer_with(decision, images)


def _record_now(
    engine: Engine, decision: Decision, images: tuple[ImageAnswer, ...], deadline: Deadline
) -> AdmissionAnswer:
    record(engine, decision, deadline)
    return answer_with(decision, images)


def _scope(admission: AdmissionScope) -> Scope:
    return Scope(kind=DecisionKind.ADMISSION, tenant=admission.tenant, environment=admission.environment)


def _asker(question: AdmissionQuestion, admission: AdmissionScope) -> Asker:
    return Asker(
        request=RequestFacts.of_admission(question, namespace_labels=admission.namespace_labels),
        preimage={
            "caller": admission.caller,
            "kind": question.kind,
            "name": question.name,
            "namespace": question.namespace,
            "service_account": question.service_account,
            "uid": question.uid,
            "user": question.user,
        },
        dry_run=question.dry_run,
        final=question.final,
    )


def _find_source(engine: Engine, question: AdmissionQuestion, deadline: Deadline) -> Source | AssayError:
    if question.images_unchanged:
        return Source(registry=engine.registry)
    try:
        return engine.source_for(question, deadline)
    except (InvalidInput, Unavailable) as error:
        return error


def _judge_all(
    engine: Engine, source: Source | AssayError, question: AdmissionQuestion, scope: Scope, deadline: Deadline
) -> list[Judged]:
    references = list(dict.fromkeys(map(engine.mirrors.origin_of, question.references)))
    if question.images_unchanged:
        return [leave_unjudged(reference) for reference in references]
    if isinstance(source, AssayError):
        return [unreadable(reference, source) for reference in references]
    judged = judge_all(engine, source, references, scope, deadline)
    return hold_tags(engine, judged, dry_run=question.dry_run)


def answer_with(decision: Decision, images: tuple[ImageAnswer, ...]) -> AdmissionAnswer:
    """The answer that a recorded decision is, with what it says of its images."""
    return AdmissionAnswer(
        decision_id=decision.id,
        verdict=decision.verdict,
        retryable=decision.retryable,
        images=images,
        findings=tuple(finding for finding in decision.findings if finding.shown),
        policy=decision.policy.bundle,
    )


def _image_answers(
    engine: Engine, question: AdmissionQuestion, judged: list[Judged], decision: Decision
) -> tuple[ImageAnswer, ...]:
    by_reference = {item.reference: answer_image(item, decision) for item in judged}
    return tuple(
        replace(by_reference[engine.mirrors.origin_of(asked)], reference=asked) for asked in question.references
    )


def answer_image(judged: Judged, decision: Decision) -> ImageAnswer:
    """What a decision says of one of its images."""
    about = {str(judged.reference), ""}
    blocking = [finding for finding in decision.findings if finding.blocks and finding.image in about]
    allowed = judged.verdict.verdict is Verdict.ALLOW or is_granted(decision, judged.reference)
    if allowed and not blocking:
        return ImageAnswer(
            reference=judged.reference,
            verdict=Verdict.ALLOW,
            digest=judged.digest,
            runs_already=judged.runs_already,
            stale_seconds=judged.stale_seconds,
        )
    codes = dict.fromkeys(code for finding in blocking for code in (*finding.reasons, finding.code))
    return ImageAnswer(
        reference=judged.reference,
        verdict=Verdict.DENY,
        digest=judged.digest,
        code=next(iter(codes), "denied"),
        message=", ".join(codes),
    )
