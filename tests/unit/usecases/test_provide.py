"""Single images over fakes: each has a decision of its own."""

from dataclasses import replace
from typing import Any

import pytest

from assay.domain.admission import AdmissionAnswer
from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.mirror import MirrorNames
from assay.domain.provider import ProviderQuestion, Purpose
from assay.domain.reference import Reference, Repository
from assay.usecases.provide import ProviderScope, provide
from tests.fakes.engine import World
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.registry import FakeRegistry

SCOPE = ProviderScope(tenant=TENANT, environment=ENVIRONMENT)
IMAGE = Digest.of(image())
MIRROR = Repository.parse("mirror.example/hub")


def question(*references: Reference) -> ProviderQuestion:
    return ProviderQuestion(purpose=Purpose.MUTATE, client="gatekeeper.test", references=references)


def ask(world: World, *references: Reference) -> list[AdmissionAnswer | AssayError]:
    return list(provide(world.engine(), question(*references), SCOPE, world.deadline()))


def verdicts(answers: list[AdmissionAnswer | AssayError]) -> list[tuple[Verdict, Digest | None]]:
    assert all(isinstance(answer, AdmissionAnswer) for answer in answers)
    return [(answer.verdict, answer.images[0].digest) for answer in answers if isinstance(answer, AdmissionAnswer)]


def test_an_image_that_is_denied_leaves_the_others_allowed(registry: FakeRegistry) -> None:
    world = World()
    asked = [registry.reference("app", tag="v1"), registry.reference("bare", digest=IMAGE)]
    answers = ask(world, *asked)
    assert verdicts(answers) == [(Verdict.ALLOW, IMAGE), (Verdict.INDETERMINATE, IMAGE)]
    assert [answer.decision_id for answer in answers if isinstance(answer, AdmissionAnswer)] == [
        decision.id for decision in world.log.decisions
    ]


def test_a_decision_is_recorded_as_the_provider_s_and_names_the_client_and_no_object(registry: FakeRegistry) -> None:
    world = World()
    ask(world, registry.reference("app", digest=IMAGE))
    (decision,) = world.log.decisions
    assert (decision.kind, decision.tenant, decision.environment) == (DecisionKind.PROVIDER, TENANT, ENVIRONMENT)
    assert decision.preimage == b'{"caller":"gatekeeper.test","kind":"provider"}'
    document: Any = world.policy.asked[-1]
    assert document["request"]["kind"] == "provider"
    assert document["request"]["actor"]["subject"] == "gatekeeper.test"
    assert document["request"]["k8s"]["pods"] == []
    assert world.metrics.decisions == {("provider", "allow"): 1}


def test_what_lies_in_a_mirror_is_judged_once_and_answered_as_asked(registry: FakeRegistry) -> None:
    world = World()
    engine = replace(world.engine(), mirrors=MirrorNames(origins=((MIRROR.name, registry.host),)))
    origin, mirrored = registry.reference("app", tag="v1"), Reference.parse(f"{MIRROR}/app:v1")
    answers = list(provide(engine, question(mirrored, origin), SCOPE, world.deadline()))
    assert verdicts(answers) == [(Verdict.ALLOW, IMAGE)] * 2
    named = [answer.images[0].reference for answer in answers if isinstance(answer, AdmissionAnswer)]
    assert named == [mirrored, origin]
    assert len(world.log.decisions) == 1


@pytest.mark.parametrize(
    "error",
    [Unavailable("log_unavailable", "down", remedy="x"), InvalidInput("log_entry_too_large", "long", remedy="x")],
)
def test_a_decision_that_cannot_be_recorded_is_no_answer(registry: FakeRegistry, error: AssayError) -> None:
    world = World()
    world.log.error = error
    assert ask(world, registry.reference("app", tag="v1")) == [error]
    assert world.log.decisions == []


def test_a_repeated_question_is_answered_without_asking_the_registry(registry: FakeRegistry) -> None:
    world, asked = World(), registry.reference("app", digest=IMAGE)
    engine = world.engine()
    requests = []
    for _ in range(2):
        answers = list(provide(engine, question(asked), SCOPE, world.deadline()))
        assert verdicts(answers) == [(Verdict.ALLOW, IMAGE)]
        requests.append(len(registry.requests))
    assert requests[0] == requests[1] > 0
    assert len(world.log.decisions) == 2


def test_the_same_reference_twice_is_no_question() -> None:
    reference = Reference.parse("registry.example/app:v1")
    with pytest.raises(ValueError, match="twice"):
        question(reference, reference)
