"""The provider without Gatekeeper: requests to send, and an engine, clock and client that are scripted."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from assay.domain.admission import AdmissionAnswer
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError
from assay.domain.provider import ProviderQuestion, Purpose
from assay.domain.reference import Reference
from assay_webhooks.provider.application import create_provider_application
from assay_webhooks.provider.door import ProviderDoor
from tests.fakes.admission import DIGEST, WebhookMetrics, allowed, answer_to, denied
from tests.fakes.clock import FrozenClock

Json = dict[str, Any]
CLIENT = "gatekeeper.test"
PINNED = f"registry.example/app@{DIGEST}"
OTHER = f"registry.example/other@{DIGEST}"
TAGGED = "registry.example/app:v1"


def request_for(*keys: str) -> Json:
    """A request as Gatekeeper sends it."""
    return {
        "apiVersion": "externaldata.gatekeeper.sh/v1beta1",
        "kind": "ProviderRequest",
        "request": {"keys": list(keys)},
    }


@dataclass
class ScriptedProvider:
    """Allows every reference of the repositories in `good`, denies the others; `error` breaks all, `broken` some."""

    good: frozenset[str] = frozenset({"registry.example/app"})
    error: BaseException | None = None
    broken: dict[str, AssayError] = field(default_factory=dict)
    retryable: bool = False
    drop: int = 0
    questions: list[ProviderQuestion] = field(default_factory=list)
    budgets: list[float] = field(default_factory=list)

    def provide(self, question: ProviderQuestion, deadline: Deadline) -> Sequence[AdmissionAnswer | AssayError]:
        self.questions.append(question)
        self.budgets.append(deadline.remaining("the test"))
        if self.error:
            raise self.error
        answers = [self._judge(reference) for reference in question.references]
        return answers[self.drop :]

    def _judge(self, reference: Reference) -> AdmissionAnswer | AssayError:
        name = reference.repository.name
        if name in self.broken:
            return self.broken[name]
        image = allowed(reference) if name in self.good else denied(reference)
        return replace(answer_to((image,)), retryable=self.retryable and name not in self.good)


@dataclass
class Provider:
    """The application with everything around it."""

    engine: ScriptedProvider = field(default_factory=ScriptedProvider)
    metrics: WebhookMetrics = field(default_factory=WebhookMetrics)
    names: frozenset[str] = frozenset({CLIENT})

    def client(self) -> FlaskClient:
        door = ProviderDoor(
            provide=self.engine.provide,
            metrics=self.metrics,
            clock=FrozenClock(),
            names_of=lambda _: self.names,
            client_names=frozenset({CLIENT, "audit.test"}),
            seconds={Purpose.VALIDATE: 2.5, Purpose.MUTATE: 0.8},
        )
        return create_provider_application(door).test_client()

    def post(self, purpose: str, body: object, **options: Any) -> TestResponse:
        return self.client().post(f"/{purpose}", json=body, **options)

    def ask(self, purpose: str, *keys: str) -> Json:
        """The `response` of the answer, after the checks that hold for every answer."""
        answer = self.post(purpose, request_for(*keys))
        assert answer.status_code == 200, answer.text
        return response_of(answer)


def response_of(answer: TestResponse) -> Json:
    """The `response` of a ProviderResponse."""
    document = answer.get_json()
    assert set(document) == {"apiVersion", "kind", "response"}
    assert (document["apiVersion"], document["kind"]) == ("externaldata.gatekeeper.sh/v1beta1", "ProviderResponse")
    response: Json = document["response"]
    assert bool(response.get("systemError")) is not bool(response["items"])
    return response
