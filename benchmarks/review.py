"""Reading an AdmissionReview: the webhook's parser beside the strict one, and what the largest structure costs."""

import json
import time
import timeit
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import orjson

from assay.domain.admission import LARGEST_REVIEW, AdmissionAnswer, ImageAnswer
from assay.domain.coverage import Coverage
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.formats.strict_json import parse_json
from assay_webhooks.answer import respond
from assay_webhooks.question import Exemption, examine, pose_question
from assay_webhooks.review import MOST_STRUCTURE, parse_review, render_response
from assay_webhooks.workloads import compile_kinds
from benchmarks.figure import Figure

_REPEAT = 7
_COVERAGE = Coverage()
_KINDS = compile_kinds()
_DIGEST = Digest.of(b"the image that was judged")
_MIB = 1024 * 1024
_PARSERS: Mapping[str, Callable[[bytes], object]] = {
    "strict JSON": partial(parse_json, what="the review", largest=LARGEST_REVIEW),
    "orjson": orjson.loads,
    "parse_review, all of it": parse_review,
}


def measure() -> Iterator[Figure]:
    """CPU time per review for an UPDATE, which carries two objects, and memory for the worst review that is parsed."""
    for containers in (1, 20, 1500):
        octets = _review(containers)
        label = f"review of {len(octets) / 1024:.0f} KiB"
        for name, parse in _PARSERS.items():
            yield Figure(name=f"{label}: {name}", value=_milliseconds(partial(parse, octets)), unit="ms")
    for containers in (1, 8):
        octets = _review(containers, pinned=True, operation="CREATE")
        name = f"review to answer, decision left out, images: {containers}"
        yield Figure(name=name, value=_milliseconds(partial(_answer, octets)), unit="ms")
    yield Figure(name="memory of the largest structure", value=_worst_mib(), unit="MiB")


def _milliseconds(parse: Callable[[], object]) -> float:
    timer = timeit.Timer(parse, timer=time.process_time)
    number, _ = timer.autorange()
    return min(timer.repeat(_REPEAT, max(1, number // 4))) / max(1, number // 4) * 1000


def _answer(octets: bytes) -> bytes:
    """All that the webhook does for a review, with an engine that allows everything."""
    review = parse_review(octets)
    subject = examine(review, _KINDS, _COVERAGE)
    if isinstance(subject, Exemption):
        raise TypeError("the figure is void: nothing was decided")
    question = pose_question(review, subject)
    images = tuple(
        ImageAnswer(reference=reference, verdict=Verdict.ALLOW, digest=_DIGEST) for reference in question.references
    )
    answer = AdmissionAnswer(
        decision_id="01KAQ3V9Y0000000000000000A",
        verdict=Verdict.ALLOW,
        retryable=False,
        images=images,
        findings=(),
        policy=_DIGEST,
    )
    response = respond(subject, question, answer, pin=True)
    if not response.allowed:
        raise ValueError(f"the figure is void: {response.code}")
    return render_response(response)


def _review(containers: int, *, pinned: bool = False, operation: str = "UPDATE") -> bytes:
    names = [f"c{number}" for number in range(containers)]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "managedFields": [{"f:spec": {f'k:{{"name":"{name}"}}': {"f:image": {}, "f:name": {}} for name in names}}],
        },
        "spec": {"containers": [_container(name, f"@{_DIGEST}" if pinned else ":1") for name in names]},
    }
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "operation": operation,
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "namespace": "team-a",
        "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
        "object": pod,
        "oldObject": pod if operation == "UPDATE" else None,
    }
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).encode()


def _container(name: str, version: str) -> dict[str, object]:
    return {
        "name": name,
        "image": f"registry.example/team-a/{name}{version}",
        "env": [{"name": f"V{number}", "value": "x" * 40} for number in range(5)],
        "volumeMounts": [{"mountPath": "/x", "name": "y"}] * 3,
        "resources": {"limits": {"cpu": "1"}},
    }


def _worst_mib() -> float:
    around = _review(1).replace(b'"namespace"', b'"padding": [], "namespace"')
    room = (MOST_STRUCTURE - sum(around.count(mark) for mark in (b",", b"[", b"{"))) // 2
    octets = around.replace(b'"padding": []', b'"padding": [' + b",".join([b'{"a":0}'] * room) + b"]")
    tracemalloc.start()
    parse_review(octets)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / _MIB
