"""The chapter of the cluster: the review an API server sends for a Pod."""

import base64
import json
import uuid
from typing import Any

import requests

from assay.domain.digest import Digest
from demo.narration import Narrator, expect
from demo.stack import Stack


def review_of_pod(image: str, *, uid: str = "", dry_run: bool = False) -> dict[str, Any]:
    """An AdmissionReview v1 for the creation of a Pod with one container."""
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid or str(uuid.uuid4()),
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
            "requestResource": {"group": "", "version": "v1", "resource": "pods"},
            "name": "age",
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": {"username": "system:serviceaccount:default:deployer", "groups": ["system:authenticated"]},
            "object": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "age", "namespace": "default"},
                "spec": {"containers": [{"name": "age", "image": image}]},
            },
            "oldObject": None,
            "dryRun": dry_run,
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
        },
    }


def send_review(stack: Stack, hook: str, review: dict[str, Any], *, timeout: str = "10s") -> dict[str, Any]:
    """Post a review over TLS, trusting the stack's own CA alone; the response of the answer."""
    answer = requests.post(
        f"{stack.webhook_url}/{hook}",
        params={"timeout": timeout},
        json=review,
        timeout=15,
        verify=str(stack.folder / "ca.crt"),
    )
    answer.raise_for_status()
    document = answer.json()
    expect(document["response"]["uid"] == review["request"]["uid"], "the answer is about another request")
    response: dict[str, Any] = document["response"]
    return response


def patched_image(response: dict[str, Any]) -> str:
    """The image that the response's patch writes."""
    operations = json.loads(base64.b64decode(response["patch"]))
    return str(next(item["value"] for item in operations if item["op"] == "replace"))


def show_admission(stack: Stack, tagged: str, digest: Digest, tell: Narrator) -> None:
    """The tag is pinned to the digest that was judged; the pinned object validates; an unpinned one does not."""
    response = send_review(stack, "mutate", review_of_pod(tagged))
    expect(response["allowed"], f"the Pod was refused: {response}")
    pinned = patched_image(response)
    expect(pinned == f"{tagged}@{digest}", f"the Pod was pinned to {pinned}")
    tell.proved(f"allowed: {tagged} -> {pinned}")
    validated = send_review(stack, "validate", review_of_pod(pinned))
    expect(validated["allowed"], f"the pinned Pod was refused: {validated}")
    tell.proved("allowed: the pinned Pod, judged again by its digest")
    unpinned = send_review(stack, "validate", review_of_pod(tagged))
    expect(not unpinned["allowed"], "a Pod with a tag alone was validated")
    tell.proved(f"denied:  {unpinned['status']['message']}")
