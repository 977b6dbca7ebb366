"""The provider: whether single images may run, for a client that tells nothing of the request they are for."""

from dataclasses import dataclass, replace

from assay.domain.admission import AdmissionAnswer
from assay.domain.deadline import Deadline
from assay.domain.decision import DecisionKind
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.provider import ProviderQuestion
from assay.domain.reference import Reference
from assay.usecases.admit import answer_image, answer_with
from assay.usecases.conclude import Asker, conclude
from assay.usecases.document import RequestFacts
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.hold_tags import hold_tags
from assay.usecases.judge import JUDGE_SHARE, Judged
from assay.usecases.judge_all import judge_all


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderScope:
    """Whose policy applies to everything that is asked."""

    tenant: str
    environment: str


def provide(
    engine: Engine, question: ProviderQuestion, provider: ProviderScope, deadline: Deadline
) -> tuple[AdmissionAnswer | AssayError, ...]:
    """Judge every reference of the question and record one decision about each, in their order.

    No image has a part in the decision about another one. An image in a mirror is judged and recorded under its origin,
    and answered as it was asked for. Where a decision could not be recorded the error stands in the place of its
    answer: then nothing was decided about that image. Grants of break-glass do not count, for they are for namespaces.
    """
    engine = engine.for_one_request()
    scope = Scope(kind=DecisionKind.PROVIDER, tenant=provider.tenant, environment=provider.environment)
    origins = {asked: engine.mirrors.origin_of(asked) for asked in question.references}
    source, distinct = Source(registry=engine.registry), list(dict.fromkeys(origins.values()))
    found = judge_all(engine, source, distinct, scope, deadline.part(JUDGE_SHARE))
    judged = hold_tags(engine, found, dry_run=False)
    answers = {item.reference: _conclude(engine, item, question, scope, deadline) for item in judged}
    return tuple(_as_asked(answers[origins[asked]], asked) for asked in question.references)


def _conclude(
    engine: Engine, judged: Judged, question: ProviderQuestion, scope: Scope, deadline: Deadline
) -> AdmissionAnswer | AssayError:
    asker = Asker(
        request=RequestFacts(operation=question.purpose.value, actor_type="provider", actor_subject=question.client),
        preimage={"caller": question.client, "kind": scope.kind.value},
    )
    try:
        decision = conclude(engine, [judged], asker, scope, deadline).decision
    except (InvalidInput, Unavailable) as error:
        return error
    return answer_with(decision, (answer_image(judged, decision),))


def _as_asked(answer: AdmissionAnswer | AssayError, asked: Reference) -> AdmissionAnswer | AssayError:
    if isinstance(answer, AssayError):
        return answer
    return replace(answer, images=tuple(replace(image, reference=asked) for image in answer.images))
