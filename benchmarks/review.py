"""Reading an AdmissionReview: the webhook's parser beside the strict one, and what the largest structure costs."""

import json
import timeit
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import orjson

from assay.formats.strict_json import parse_json
from assay_webhooks.review import LARGEST_REVIEW, MOST_STRUCTURE, parse_review
from benchmarks.figure import Figure

_REPEAT = 7
_MIB = 1024 * 1024
_PARSERS: Mapping[str, Callable[[bytes], object]] = {
    "strict JSON": partial(parse_json, what="the review", largest=LARGEST_REVIEW),
    "orjson": orjson.loads,
    "parse_review, all of it": parse_review,
}


def measure() -> Iterator[Figure]:
    """Time per review for an UPDATE, which carries two objects, and memory for the worst review that is parsed."""
    for containers in (1, 20, 1500):
        octets = _review(containers)
        label = f"review of {len(octets) / 1024:.0f} KiB"
        for name, parse in _PARSERS.items():
            yield Figure(name=f"{label}: {name}", value=_milliseconds(partial(parse, octets)), unit="ms")
    yield Figure(name="memory of the largest structure", value=_worst_mib(), unit="MiB")


def _milliseconds(parse: Callable[[], object]) -> float:
    timer = timeit.Timer(parse)
    number, _ = timer.autorange()
    return min(timer.repeat(_REPEAT, max(1, number // 4))) / max(1, number // 4) * 1000


def _review(containers: int) -> bytes:
    names = [f"c{number}" for number in range(containers)]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "managedFields": [{"f:spec": {f'k:{{"name":"{name}"}}': {"f:image": {}, "f:name": {}} for name in names}}],
        },
        "spec": {"containers": [_container(name) for name in names]},
    }
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "operation": "UPDATE",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "namespace": "team-a",
        "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
        "object": pod,
        "oldObject": pod,
    }
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).encode()


def _container(name: str) -> dict[str, object]:
    return {
        "name": name,
        "image": f"registry.example/team-a/{name}:1",
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
