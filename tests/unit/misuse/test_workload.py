"""Reviews, patches, and answers as an API server reads them."""

import base64
import json

import pytest

from assay_misuse.webhook import read_answer
from assay_misuse.workload import Json, creation, is_pinned, runs_only, with_patch, workloads

DIGEST = "sha256:" + "0" * 64
REVIEW = creation("app:v1")
UID = REVIEW["request"]["uid"]


def patched(*operations: Json) -> Json:
    obj: Json = with_patch(REVIEW, json.dumps(operations).encode())["request"]["object"]
    return obj


def operation(op: str, path: str, value: object = None) -> Json:
    return {"op": op, "path": path, "value": value}


def test_a_patch_tests_adds_replaces_and_removes() -> None:
    image = "/spec/containers/0/image"
    obj = patched(
        operation("test", image, "app:v1"),
        operation("replace", image, f"app@{DIGEST}"),
        operation("add", "/spec/containers/-", {"image": "late"}),
        operation("add", "/metadata/labels/a~1b", "c"),
        operation("remove", "/metadata/labels/app"),
    )
    assert [container["image"] for container in obj["spec"]["containers"]] == [f"app@{DIGEST}", "late"]
    assert obj["metadata"]["labels"] == {"a/b": "c"}
    assert creation("app:v1") == REVIEW


@pytest.mark.parametrize(
    "broken",
    [
        operation("test", "/spec/containers/0/image", "other"),
        operation("replace", "/spec/containers/1/image", "x"),
        operation("remove", "/spec/none"),
        operation("move", "/spec"),
        operation("add", "/spec/containers/x", {}),
    ],
)
def test_a_patch_that_does_not_apply_is_a_value_error(broken: Json) -> None:
    with pytest.raises(ValueError, match=r"test|nothing at|operation|invalid literal"):
        patched(broken)


def test_an_object_is_pinned_when_every_image_is() -> None:
    assert is_pinned(creation(f"a@{DIGEST}", f"b@{DIGEST}"))
    assert not is_pinned(creation(f"a@{DIGEST}", "b"))
    assert runs_only(creation(f"a@{DIGEST}"), DIGEST)
    assert not runs_only(creation(f"a@{DIGEST}", "b"), DIGEST)


def test_every_kind_with_a_template_is_there() -> None:
    assert set(workloads("x")) == {
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "ReplicationController",
        "PodTemplate",
    }


def test_an_answer_is_read_with_its_patch() -> None:
    patch = base64.b64encode(b"[]").decode()
    answered = read_answer({"response": {"uid": UID, "allowed": True, "patch": patch}}, REVIEW, seconds=0.5)
    assert (answered.allowed, answered.patch, answered.seconds) == (True, b"[]", 0.5)
    denied = {"response": {"uid": UID, "allowed": False, "status": {"message": "no"}}}
    assert read_answer(denied, REVIEW, seconds=0).why == "no"


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"response": {"uid": "another", "allowed": True}},
        {"response": {"uid": UID, "allowed": "true"}},
        {"response": {"uid": UID, "allowed": True, "patch": "no base64"}},
    ],
)
def test_an_answer_that_an_api_server_cannot_use_is_none(document: object) -> None:
    answered = read_answer(document, REVIEW, seconds=0)
    assert answered.allowed is None
    assert answered.why
