"""The doors of both components around one engine: each is asked about an image in one call.

Those are all that can allow something. The fourth server, which takes notifications, allows nothing: it answers whether
a notification was understood.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask

from assay.adapters.log.pipeline import RecordPipeline
from assay.adapters.supervision.answering import AnsweringThreads
from assay.adapters.supervision.loop_application import LoopApplication
from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.caller import Caller, Role
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError
from assay.domain.gate import GateAnswer, GateQuestion
from assay.domain.http_call import AnswerSoon
from assay.domain.provider import ProviderQuestion, Purpose
from assay.http.application import create_service
from assay.http.caller import CallerBook
from assay.http.parts import ServiceParts
from assay.usecases.admit import AdmissionScope, Give, admit, admit_soon
from assay.usecases.engine import Engine
from assay.usecases.gate import ask_gate
from assay.usecases.provide import ProviderScope, provide
from assay_misuse.policy import TENANT, Policy
from assay_misuse.workload import creation
from assay_webhooks.application import create_application
from assay_webhooks.provider.application import create_provider_application
from assay_webhooks.provider.door import ProviderDoor
from tests.fakes.loop_server import LoopServer
from tests.fakes.metrics import CountingMetrics
from tests.fakes.provider import CLIENT, request_for

ENVIRONMENT = Policy.STANDARD.value
SCOPE = AdmissionScope(tenant=TENANT, environment=ENVIRONMENT, caller="client certificate")
CALLER = Caller(name="local", tenant=TENANT, environments=(ENVIRONMENT,), roles=frozenset(Role))
GATE, PROVIDER, LOOP = "gate", "provider", "validate in a loop"
"""`LOOP` is the endpoint `validate` where it was asked the same before, and answers without a thread."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a door answered: whether it allows, the decision it names, else the code that says why there is none.

    `status` is that of HTTP, `seconds` how long it took, and `in_loop` whether no thread was needed.
    """

    allowed: bool
    decision: str
    code: str
    text: str
    status: int
    seconds: float = 0.0
    in_loop: bool = False


@contextmanager
def admission_server(engine: Engine, pipeline: RecordPipeline, threads: AnsweringThreads) -> Iterator[LoopServer]:
    """The admission hooks, called as their server does; it ends the pipeline."""
    doors: list[AnswerSoon] = []

    def keep(door: AnswerSoon) -> dict[str, object]:
        doors.append(door)
        return {}

    def decide(question: AdmissionQuestion, deadline: Deadline) -> AdmissionAnswer:
        return admit(engine, question, SCOPE, deadline)

    def soon(question: AdmissionQuestion, deadline: Deadline, now: Give, wait: Give) -> None:
        admit_soon(engine, pipeline, question, SCOPE, deadline, now, wait)

    create_application(decide, CountingMetrics(), tuple, engine.clock, admit_soon=soon, in_loop=keep)
    application = LoopApplication(answer_soon=doors[0], pipeline=pipeline)
    with LoopServer.around(application, threads) as server:
        yield server


def review(server: LoopServer, hook: str, image: str, seconds: int) -> Reply:
    """Ask a hook about a Pod that runs an image."""
    answer = server.post(f"/{hook}?timeout={seconds}s", json.dumps(creation(image)).encode())
    text = answer.body.decode()
    if answer.status != 200:
        return Reply(allowed=False, decision="", code=text.partition(":")[0], text=text, status=answer.status)
    response = json.loads(text)["response"]
    notes = response["auditAnnotations"]
    return Reply(
        allowed=response["allowed"],
        decision=notes.get("decision", ""),
        code=notes.get("code", ""),
        text=text,
        status=answer.status,
        in_loop=answer.in_loop,
    )


def ask_the_gate(engine: Engine, image: str, seconds: int) -> Reply:
    """Ask the service whether an image may be published."""
    name, _, digest = image.partition("@")
    artefact = {"type": "image", "repository": name, "digest": digest, "tag": ""}
    question = {"artefact": artefact, "environment": ENVIRONMENT, "evidence": {"from": "registry"}}
    answer = (
        _service(engine, seconds)
        .test_client()
        .post("/v1/gate", data=json.dumps(question), content_type="application/json")
    )
    document = answer.get_json()
    return Reply(
        allowed=answer.status_code == 200 and document["verdict"] == "allow",
        decision=document.get("decision", ""),
        code=document.get("code", ""),
        text=answer.text,
        status=answer.status_code,
    )


def ask_the_provider(engine: Engine, image: str, seconds: int) -> Reply:
    """Ask the provider for Gatekeeper whether an image may run."""
    answer = _provider(engine, seconds).test_client().post(f"/{Purpose.VALIDATE}", json=request_for(image))
    response = answer.get_json()["response"]
    item: Mapping[str, Any] = next(iter(response["items"]), {})
    value, error = item.get("value", {}), item.get("error", "") or response.get("systemError", "")
    return Reply(
        allowed=answer.status_code == 200 and value.get("allow") is True,
        decision=value.get("decision_id", ""),
        code=error.partition(":")[0],
        text=answer.text,
        status=answer.status_code,
    )


Ask = Callable[[Engine, str, int], Reply]
PLAIN: Mapping[str, Ask] = {GATE: ask_the_gate, PROVIDER: ask_the_provider}
"""The doors that a thread of their server calls, and waits for."""


def _service(engine: Engine, seconds: int) -> Flask:
    def gate(question: GateQuestion, caller: Caller, deadline: Deadline) -> GateAnswer:
        return ask_gate(engine, question, caller, deadline)

    unused: Any = None
    return create_service(
        ServiceParts(
            gate=gate,
            archive=unused,
            log_key=str,
            readiness=lambda _: {},
            warnings=lambda: (),
            callers=CallerBook(by_token={}, local=CALLER),
            metrics=engine.metrics,
            metrics_text=bytes,
            clock=engine.clock,
            request_octets=100_000,
            decision_seconds=seconds,
        )
    )


def _provider(engine: Engine, seconds: int) -> Flask:
    def answer(question: ProviderQuestion, deadline: Deadline) -> tuple[AdmissionAnswer | AssayError, ...]:
        return provide(engine, question, ProviderScope(tenant=TENANT, environment=ENVIRONMENT), deadline)

    return create_provider_application(
        ProviderDoor(
            provide=answer,
            metrics=CountingMetrics(),
            clock=engine.clock,
            names_of=lambda _: frozenset({CLIENT}),
            client_names=frozenset({CLIENT}),
            seconds=dict.fromkeys(Purpose, seconds),
        )
    )
