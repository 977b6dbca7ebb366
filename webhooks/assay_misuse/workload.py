"""Objects that run images, and the reviews an API server sends about them."""

import base64
import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]
NAMESPACE = "misuse"
_TEMPLATES = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "ReplicationController": "v1",
}


def pod(*images: str, **members: object) -> Json:
    """A Pod whose containers run these images; `members` are further members of its spec."""
    return _object("v1", "Pod", _pod_spec(*images, **members))


def workloads(image: str) -> dict[str, Json]:
    """An object of every kind with a Pod template that runs this image, by kind."""
    spec = _pod_spec(image)
    template = {"metadata": {"labels": {"app": "misuse"}}, "spec": spec}
    made = {
        kind: _object(version, kind, {"replicas": 1, "template": copy.deepcopy(template)})
        for kind, version in _TEMPLATES.items()
    }
    job = {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": copy.deepcopy(template)}}}
    made["CronJob"] = _object("batch/v1", "CronJob", job)
    made["PodTemplate"] = {**_object("v1", "PodTemplate", None), "template": template}
    return made


def review(obj: object, *, operation: str = "CREATE", old: object = None, **request: object) -> Json:
    """The AdmissionReview about an object; `request` replaces or adds members of the request."""
    named = obj if isinstance(obj, Mapping) else {}
    group, _, version = str(named.get("apiVersion", "v1")).rpartition("/")
    kind = {"group": group, "version": version, "kind": str(named.get("kind", "Pod"))}
    plural = {"group": group, "version": version, "resource": f"{kind['kind'].lower()}s"}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "6d697375-7365-4000-8000-000000000001",
            "kind": kind,
            "resource": plural,
            "requestKind": kind,
            "requestResource": plural,
            "name": "misuse",
            "namespace": NAMESPACE,
            "operation": operation,
            "userInfo": {"username": "system:serviceaccount:misuse:deployer", "groups": ["system:authenticated"]},
            "object": obj,
            "oldObject": old,
            "dryRun": False,
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": f"{operation.title()}Options"},
            **request,
        },
    }


def creation(*images: str, **members: object) -> Json:
    """The review about the creation of a Pod; arguments as for `pod`."""
    return review(pod(*images, **members))


def update(old: Json, new: Json, **request: object) -> Json:
    """The review about an update."""
    return review(new, operation="UPDATE", old=old, **request)


def with_metadata(obj: Json, **members: object) -> Json:
    """The object with further members of its metadata."""
    return {**obj, "metadata": {**obj["metadata"], **members}}


def is_pinned(reviewed: Json) -> bool:
    """Whether every image that the object names, wherever it stands, is named by digest."""
    return all("@sha256:" in image for image in _images(reviewed["request"]["object"]))


def runs_only(reviewed: Json, digest: str) -> bool:
    """Whether every image that the object names is this one, by digest."""
    return all(image.endswith(f"@{digest}") for image in _images(reviewed["request"]["object"]))


def with_patch(reviewed: Json, patch: bytes) -> Json:
    """The review about the object as the mutating hook patched it.

    Applies `test`, `add`, `replace` and `remove` of RFC 6902; `ValueError` when a test fails, an operation is another
    one or a path leads nowhere: then the API server fails the request, too.
    """
    changed: Json = copy.deepcopy(reviewed)
    for operation in json.loads(patch):
        changed["request"]["object"] = _apply(changed["request"]["object"], operation)
    return changed


def decode_patch(text: str) -> bytes:
    """The bytes of a patch in a response; `ValueError` when they are not base64."""
    return base64.b64decode(text, validate=True)


def _apply(document: Any, operation: Json) -> Any:  # noqa: ANN401  # any JSON
    *parents, last = [token.replace("~1", "/").replace("~0", "~") for token in operation["path"].split("/")[1:]]
    try:
        target = document
        for token in parents:
            target = target[int(token)] if isinstance(target, list) else target[token]
        key: Any = last if isinstance(target, dict) else (len(target) if last == "-" else int(last))
        _change(target, key, operation)
    except (LookupError, TypeError) as error:
        raise ValueError(f"there is nothing at {operation['path']}") from error
    return document


def _change(target: Any, key: Any, operation: Json) -> None:  # noqa: ANN401  # any JSON
    match operation["op"]:
        case "test" if target[key] != operation["value"]:
            raise ValueError(f"the test of {operation['path']} fails")
        case "test":
            pass
        case "remove":
            del target[key]
        case "add" if isinstance(target, list):
            target.insert(key, operation["value"])
        case "add":
            target[key] = operation["value"]
        case "replace":
            target[key]  # it has to be there
            target[key] = operation["value"]
        case other:
            raise ValueError(f"the patch has the operation {other}")


def _images(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _images(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in {"image", "reference"} and isinstance(item, str):
                yield item
            yield from _images(item)


def _pod_spec(*images: str, **members: object) -> Json:
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    return {"containers": containers, **members}


def _object(api_version: str, kind: str, spec: object) -> Json:
    metadata = {"name": "misuse", "namespace": NAMESPACE, "labels": {"app": "misuse"}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **({"spec": spec} if spec else {})}
