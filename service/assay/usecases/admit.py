"""Admission: whether a workload may run."""

from dataclasses import dataclass, replace

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion, ImageAnswer
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, DecisionKind, Verdict
from assay.domain.errors import InvalidInput, Unavailable
from assay.usecases.break_glass import is_granted
from assay.usecases.conclude import Asker, Concluded, conclude
from assay.usecases.document import RequestFacts
from assay.usecases.engine import Engine, Scope
from assay.usecases.judge import JUDGE_SHARE, Judged, leave_unjudged, unreadable
from assay.usecases.judge_all import judge_all


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
    engine = engine.for_one_request()
    scope = Scope(kind=DecisionKind.ADMISSION, tenant=admission.tenant, environment=admission.environment)
    judged = _judge_all(engine, question, scope, deadline.part(JUDGE_SHARE))
    asker = Asker(
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
    )
    return _answer(engine, question, judged, conclude(engine, judged, asker, scope, deadline))


def _judge_all(engine: Engine, question: AdmissionQuestion, scope: Scope, deadline: Deadline) -> list[Judged]:
    references = list(dict.fromkeys(map(engine.mirrors.origin_of, question.references)))
    if question.images_unchanged:
        return [leave_unjudged(reference) for reference in references]
    try:
        source = engine.source_for(question, deadline)
    except (InvalidInput, Unavailable) as error:
        return [unreadable(reference, error) for reference in references]
    return judge_all(engine, source, references, scope, deadline)


def _answer(engine: Engine, question: AdmissionQuestion, judged: list[Judged], concluded: Concluded) -> AdmissionAnswer:
    decision = concluded.decision
    by_reference = {item.reference: _image_answer(item, decision) for item in judged}
    return AdmissionAnswer(
        decision_id=decision.id,
        verdict=decision.verdict,
        retryable=decision.retryable,
        images=tuple(
            replace(by_reference[engine.mirrors.origin_of(asked)], reference=asked) for asked in question.references
        ),
        findings=tuple(finding for finding in decision.findings if finding.shown),
        policy=decision.policy.bundle,
    )


def _image_answer(judged: Judged, decision: Decision) -> ImageAnswer:
    about = {str(judged.reference), ""}
    blocking = [finding for finding in decision.findings if finding.blocks and finding.image in about]
    allowed = judged.verdict.verdict is Verdict.ALLOW or is_granted(decision, judged.reference)
    if allowed and not blocking:
        return ImageAnswer(
            reference=judged.reference,
            verdict=Verdict.ALLOW,
            digest=judged.digest,
            runs_already=judged.runs_already,
        )
    codes = dict.fromkeys(code for finding in blocking for code in (*finding.reasons, finding.code))
    return ImageAnswer(
        reference=judged.reference,
        verdict=Verdict.DENY,
        digest=judged.digest,
        code=next(iter(codes), "denied"),
        message=", ".join(codes),
    )
