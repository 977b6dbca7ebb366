"""Admission without a cluster: reviews and objects to send, and an engine, clock and metrics that are scripted."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion, ImageAnswer
from assay.domain.coverage import Coverage
from assay.domain.deadline import Deadline
from assay.domain.decision import Finding, Verdict
from assay.domain.digest import Digest
from assay.domain.reference import Reference
from assay_webhooks.application import create_application
from assay_webhooks.question import Subject, examine
from assay_webhooks.review import AdmissionRequest
from assay_webhooks.workloads import ImageField, compile_kinds, extract_images, find_workload
from tests.fakes.clock import FrozenClock
from tests.fakes.metrics import CountingMetrics

UID = "705ab4f5-6393-11e8-b7cc-42010a800002"
DECISION = "01KAQ3V9Y0000000000000000A"
DIGEST = Digest.of(b"the image that was judged")
OTHER_DIGEST = Digest.of(b"another image")
POLICY = Digest.of(b"the policy")

Json = dict[str, Any]


@dataclass
class WebhookMetrics(CountingMetrics):
    """Metrics of the webhook alone: it neither records decisions nor takes a step of one."""

    def count_decision(self, kind: str, verdict: str) -> None:
        raise AssertionError(f"{kind} {verdict}: decisions are counted where they are recorded")

    def observe_step(self, step: str, seconds: float) -> None:
        raise AssertionError(f"{step} {seconds}: the webhook takes no step of a decision")


@dataclass
class ScriptedEngine:
    """Allows the references it has a digest for (`*` stands for all others) and denies the rest as unsigned."""

    digests: Mapping[str, Digest]
    error: BaseException | None = None
    findings: tuple[Finding, ...] = ()
    questions: list[AdmissionQuestion] = field(default_factory=list)
    budgets: list[float] = field(default_factory=list)

    def admit(self, question: AdmissionQuestion, deadline: Deadline) -> AdmissionAnswer:
        self.questions.append(question)
        self.budgets.append(deadline.remaining("the test"))
        if self.error:
            raise self.error
        if question.images_unchanged:
            return answer_to(tuple(running(reference) for reference in question.references))
        return answer_to(tuple(map(self._judge, question.references)), findings=self.findings)

    def _judge(self, reference: Reference) -> ImageAnswer:
        digest = reference.digest if str(reference) in self.digests else None
        digest = digest or self.digests.get(str(reference), self.digests.get("*"))
        if digest is None or reference.digest not in {None, digest}:
            return denied(reference)
        return allowed(reference, digest)


def allowed(reference: Reference, digest: Digest = DIGEST) -> ImageAnswer:
    return ImageAnswer(reference=reference, verdict=Verdict.ALLOW, digest=digest)


def running(reference: Reference) -> ImageAnswer:
    return ImageAnswer(reference=reference, verdict=Verdict.ALLOW, digest=reference.digest, runs_already=True)


def denied(
    reference: Reference, *, code: str = "signature.authority", message: str = "no named authority signed it"
) -> ImageAnswer:
    return ImageAnswer(reference=reference, verdict=Verdict.DENY, digest=DIGEST, code=code, message=message)


def answer_to(
    images: tuple[ImageAnswer, ...],
    *,
    retryable: bool = False,
    findings: tuple[Finding, ...] = (),
    verdict: Verdict | None = None,
    decision_id: str = DECISION,
) -> AdmissionAnswer:
    """An answer about these images; allow when all of them are allowed, unless told otherwise."""
    all_allowed = bool(images) and all(image.verdict is Verdict.ALLOW for image in images)
    return AdmissionAnswer(
        decision_id=decision_id,
        verdict=verdict or (Verdict.ALLOW if all_allowed else Verdict.DENY),
        retryable=retryable,
        images=images,
        findings=findings,
        policy=POLICY,
    )


def pod(*images: str, **spec: object) -> Json:
    """A Pod whose containers run these images; further members of its PodSpec by keyword."""
    containers = [{"name": f"c{index}", "image": image} for index, image in enumerate(images)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "team-a", "labels": {"app": "web"}},
        "spec": {"containers": containers, **spec},
    }


def review(obj: object, *, old: object = None, operation: str = "CREATE", **request: object) -> Json:
    """The AdmissionReview about an object; its kind is taken from the object unless given."""
    group, _, version = str(obj["apiVersion"] if isinstance(obj, dict) else "v1").rpartition("/")
    kind = str(obj["kind"] if isinstance(obj, dict) else "Pod")
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": UID,
            "operation": operation,
            "kind": {"group": group, "version": version, "kind": kind},
            "namespace": "team-a",
            "name": "web",
            "userInfo": {"username": "alice"},
            "dryRun": False,
            "object": obj,
            "oldObject": old,
            **request,
        },
    }


@dataclass
class Webhook:
    """The application around a scripted engine, and what comes out of it."""

    engine: ScriptedEngine = field(default_factory=lambda: ScriptedEngine({"*": DIGEST}))
    metrics: CountingMetrics = field(default_factory=WebhookMetrics)
    clock: FrozenClock = field(default_factory=FrozenClock)
    failing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)

    def client(self) -> FlaskClient:
        application = create_application(
            self.engine.admit,
            self.metrics,
            lambda: self.failing,
            self.clock,
            coverage=self.coverage,
            warnings=lambda: self.warnings,
        )
        return application.test_client()

    def post(self, hook: str, body: Json | bytes, *, query: str = "?timeout=10s", **options: object) -> TestResponse:
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        content_type = str(options.get("content_type", "application/json"))
        return self.client().post(f"/{hook}{query}", data=octets, content_type=content_type)

    def ask(self, hook: str, body: Json | bytes, *, query: str = "?timeout=10s") -> Json:
        """The `response` of the answered review, after the checks that hold for every answer."""
        answer = self.post(hook, body, query=query)
        assert answer.status_code == 200, answer.text
        document = answer.get_json()
        assert (document["apiVersion"], document["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
        response: Json = document["response"]
        assert response["allowed"] is True or response["status"]["code"] == 403
        return response


def patch_of(response: Json) -> list[dict[str, str]]:
    """The decoded patch; empty when the response has none."""
    assert ("patch" in response) == (response.get("patchType") == "JSONPatch")
    operations: list[dict[str, str]] = json.loads(base64.b64decode(str(response.get("patch", "W10="))))
    return operations


def apply_patch(document: object, operations: list[dict[str, str]]) -> object:
    """Apply `test` and `replace` of RFC 6902 to a copy; `ValueError` when a test fails or a path leads nowhere."""
    result: object = json.loads(json.dumps(document))
    for operation in operations:
        *parents, last = operation["path"].split("/")[1:]
        target = result
        for token in parents:
            target = _child(target, token)
        if operation["op"] == "test" and _child(target, last) != operation["value"]:
            raise ValueError(f"the test of {operation['path']} fails")
        if operation["op"] == "replace":
            _child(target, last)
            assert isinstance(target, dict)
            target[_unescape(last)] = operation["value"]
    return result


def subject_of(request: AdmissionRequest, coverage: Coverage | None = None) -> Subject:
    """What of a request is decided; a request that is exempt has no subject."""
    coverage = coverage or Coverage()
    subject = examine(request, compile_kinds(coverage.custom_resources), coverage)
    assert isinstance(subject, Subject), subject
    return subject


def find_images(request: AdmissionRequest, coverage: Coverage | None = None) -> tuple[ImageField, ...]:
    """Every image of the request's object."""
    kinds = compile_kinds((coverage or Coverage()).custom_resources)
    return extract_images(find_workload(kinds, request.kind, request.untrusted_object))


def places(images: tuple[ImageField, ...]) -> list[tuple[str, str]]:
    """(pointer, image as written) pairs."""
    return [(image.pointer, image.written) for image in images]


def _child(target: object, token: str) -> object:
    if isinstance(target, dict) and _unescape(token) in target:
        member: object = target[_unescape(token)]
        return member
    if isinstance(target, list) and token.isdigit() and int(token) < len(target):
        item: object = target[int(token)]
        return item
    raise ValueError(f"there is nothing at {token}")


def _unescape(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")
