"""The webhook over TLS, called as an API server calls it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import requests

from demo.admission import patched_image, review_of_pod, send_review
from demo.stack import Stack
from demo.variant import Workbench
from tests.fixtures.stacks import MakeSpare, Released, Spare

TIMEOUT_SECONDS = 10


def admissions(stack: Stack) -> Sequence[Mapping[str, Any]]:
    """Admissions in the log, newest first."""
    page = requests.get(f"{stack.service_url}/v1/decisions", params={"kind": "admission"}, timeout=10).json()
    found: Sequence[Mapping[str, Any]] = page["decisions"]
    return found


@pytest.fixture(scope="module")
def spare(make_spare: MakeSpare) -> Spare:
    made = make_spare()
    made.stack.start()
    return made


def test_a_pod_with_the_tag_is_allowed_and_patched_to_the_digest(stack: Stack, released: Released) -> None:
    response = send_review(stack, "mutate", review_of_pod(released.tagged))
    assert response["allowed"], response
    assert response["patchType"] == "JSONPatch"
    assert patched_image(response) == f"{released.tagged}@{released.digest}"


def test_the_patched_pod_is_validated_without_a_change(stack: Stack, released: Released) -> None:
    response = send_review(stack, "validate", review_of_pod(f"{released.tagged}@{released.digest}"))
    assert response["allowed"], response
    assert "patch" not in response


def test_a_pod_with_a_tag_alone_is_not_validated(stack: Stack, released: Released) -> None:
    response = send_review(stack, "validate", review_of_pod(released.tagged))
    assert not response["allowed"]
    assert response["auditAnnotations"]["code"] == "digest_required"


@pytest.mark.parametrize("hook", ["mutate", "validate"])
def test_an_unsigned_image_is_denied_by_its_digest(stack: Stack, bench: Workbench, hook: str) -> None:
    image = bench.push_variant(f"unsigned for {hook}")
    response = send_review(stack, hook, review_of_pod(f"{bench.repository}@{image.digest}"))
    assert not response["allowed"]
    assert response["status"]["code"] == 403
    assert response["auditAnnotations"]["reason"] == "unsigned"
    assert image.digest.text in response["status"]["message"]
    assert "patch" not in response


def test_an_image_of_a_registry_that_is_not_allowed_is_denied(stack: Stack, released: Released) -> None:
    response = send_review(stack, "mutate", review_of_pod(f"registry.invalid/age@{released.digest}"))
    assert not response["allowed"]
    assert response["auditAnnotations"]["code"] == "registry_not_configured"


@pytest.mark.parametrize("dry_run", [False, True])
def test_each_review_is_one_leaf_of_the_log(stack: Stack, released: Released, *, dry_run: bool) -> None:
    before = admissions(stack)
    response = send_review(stack, "mutate", review_of_pod(released.tagged, dry_run=dry_run))
    newest, *older = admissions(stack)
    assert [entry["id"] for entry in older][: len(before)] == [entry["id"] for entry in before]
    assert newest["id"] == response["auditAnnotations"]["decision"]
    assert (newest["verdict"], newest["dry_run"]) == ("allow", dry_run)
    assert [image["digest"] for image in newest["images"]] == [released.digest.text]


def test_a_denied_review_is_one_leaf_too(stack: Stack, bench: Workbench) -> None:
    image = bench.push_variant("unsigned and logged")
    before = len(admissions(stack))
    response = send_review(stack, "mutate", review_of_pod(f"{bench.repository}@{image.digest}"))
    after = admissions(stack)
    assert len(after) == before + 1
    assert after[0]["id"] == response["auditAnnotations"]["decision"]
    assert after[0]["verdict"] != "allow"


def test_the_webhook_speaks_tls_alone_under_its_own_ca(stack: Stack) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{stack.webhook_url}/healthz", timeout=5)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{stack.webhook_url.replace('https', 'http')}/healthz", timeout=5)
    assert requests.get(f"{stack.webhook_url}/readyz", timeout=5, verify=str(stack.ca)).json()["ready"]


def test_without_the_registry_a_review_is_denied_in_time_and_may_be_repeated(spare: Spare) -> None:
    review = review_of_pod(spare.released.tagged)
    spare.stack.registry.stop()
    begun = time.monotonic()
    denied = send_review(spare.stack, "mutate", review)
    assert time.monotonic() - begun < TIMEOUT_SECONDS
    assert not denied["allowed"]
    assert denied["auditAnnotations"]["reason"] == "retryable"
    assert denied["auditAnnotations"]["code"] == "registry_unavailable"
    spare.stack.registry.start()
    assert send_review(spare.stack, "mutate", review)["allowed"]
    assert [entry["verdict"] for entry in admissions(spare.stack)] == ["allow", "indeterminate"]
