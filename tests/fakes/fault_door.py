"""The doors of both components around one engine: each is asked about an image in one call."""

import json
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.caller import Caller, Role
from assay.domain.deadline import Deadline
from assay.domain.gate import GateAnswer, GateQuestion
from assay.domain.http_call import AnswerSoon, HttpCall, HttpReply
from assay.http.application import create_service
from assay.http.caller import CallerBook
from assay.http.parts import ServiceParts
from assay.ports.decision_pipeline import DecisionPipeline
from assay.usecases.admit import AdmissionScope, Give, admit, admit_soon
from assay.usecases.engine import Engine
from assay.usecases.gate import ask_gate
from assay_misuse.policy import TENANT, Policy
from assay_misuse.workload import creation
from assay_webhooks.application import create_application
from tests.fakes.metrics import CountingMetrics
from tests.fakes.pipeline_loop import PipelineLoop

ENVIRONMENT = Policy.STANDARD.value
SCOPE = AdmissionScope(tenant=TENANT, environment=ENVIRONMENT, caller="client certificate")
CALLER = Caller(name="local", tenant=TENANT, environments=(ENVIRONMENT,), roles=frozenset(Role))
LOOP = "validate in a loop"
"""The endpoint `validate` of a server that answers without a thread what it answered before."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a door answered: whether it allows, the decision it names, after how long, and whether in a loop."""

    allowed: bool
    decision: str
    text: str
    seconds: float = 0.0
    in_loop: bool = False


def review(engine: Engine, hook: str, image: str, seconds: int) -> Reply:
    """Ask a hook about a Pod that runs an image."""

    def decide(question: AdmissionQuestion, deadline: Deadline) -> AdmissionAnswer:
        return admit(engine, question, SCOPE, deadline)

    application = create_application(decide, CountingMetrics(), tuple, engine.clock)
    answer = application.test_client().post(f"/{hook}?timeout={seconds}s", json=creation(image))
    return _read_review(answer.data, answered=answer.status_code == 200)


def review_in_loop(engine: Engine, pipeline: DecisionPipeline, loop: PipelineLoop, image: str, seconds: int) -> Reply:
    """Ask the validating hook as a server does that answers without a thread, if it can."""
    doors: list[AnswerSoon] = []
    replies: list[Reply] = []

    def keep(door: AnswerSoon) -> dict[str, object]:
        doors.append(door)
        return {}

    def reply(answer: HttpReply, *, in_loop: bool = True) -> None:
        read = _read_review(answer.body, answered=answer.status == "200 OK")
        replies.append(replace(read, in_loop=in_loop))

    def soon(question: AdmissionQuestion, deadline: Deadline, now: Give, wait: Give) -> None:
        admit_soon(engine, pipeline, question, SCOPE, deadline, now, wait)

    unused: Any = None
    create_application(unused, CountingMetrics(), tuple, engine.clock, admit_soon=soon, in_loop=keep)
    call = HttpCall(
        method="POST",
        path="/validate",
        query=f"timeout={seconds}s",
        content_type="application/json",
        body=json.dumps(creation(image)).encode(),
    )
    assert doors[0](call, reply, lambda later: reply(later.make(), in_loop=False))
    loop.turn_until(lambda: bool(replies))
    (only,) = replies
    return only


def _read_review(body: bytes, *, answered: bool) -> Reply:
    text = body.decode()
    if not answered:
        return Reply(allowed=False, decision="", text=text)
    response = json.loads(text)["response"]
    return Reply(allowed=response["allowed"], decision=response["auditAnnotations"].get("decision", ""), text=text)


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
    allowed = answer.status_code == 200 and document["verdict"] == "allow"
    return Reply(allowed=allowed, decision=document.get("decision", ""), text=answer.text)


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
