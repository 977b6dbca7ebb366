"""Documents of two other projects, sent to our hooks.

Expectations are ours. Where they differ from those of the project a document comes from, this is the rule:

- connaisseur, ten reviews of v1beta1: HTTP 400 `review_unsupported_version`; v1beta1 left Kubernetes in 1.22. The other
  tests bring these reviews to v1 first.
- connaisseur 04, a CronJob of batch/v1beta1: `kind_unsupported`; the kinds table is v1 only.
- connaisseur 21 and 26, broken requests: HTTP 400; a request without uid cannot be answered.
- connaisseur 10 and 29 (judged there) and 28 (let through there, as the old object is terminating): allowed, because
  the image set is unchanged; a deletion mark exempts nothing, and with a changed image each of them is judged.
- connaisseur 01 and 22: pinned as the user wrote them; an allow always ends in a digest.
- connaisseur's detection and pods-only modes do not exist; a missing content type is HTTP 415 instead of 400.
- kyverno, blank image (admitted there): `reference_malformed`.
- kyverno, Tekton tasks (admitted there without configured paths): `kind_unsupported` without the preset. They are of
  v1beta1, which the preset `tekton` does not describe; a description of that version finds their images.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.domain.api_type import GroupVersionKind
from assay.domain.coverage import Coverage, CustomResource
from assay.domain.errors import InvalidInput
from assay.domain.field_path import FieldPath
from assay.domain.reference import Reference
from assay_webhooks.review import parse_review
from tests.fakes.admission import DIGEST, ScriptedEngine, Webhook, apply_patch, find_images, patch_of, places, review

ASSETS = Path(__file__).parents[2] / "assets" / "admission"
CHARLIE = (
    "securesystemsengineering/charlie-image@sha256:91ac9b26df583762234c1cdb2fc930364754ccc59bc752a2bfe298d2ea68f9ff"
)
ALICE = "securesystemsengineering/alice-image"
ALICE_DIGEST = "sha256:1234567890123456123456789012345612345678901234561234567890123456"
TEMPLATE = "/spec/template/spec/containers/0/image"
POD = "/spec/containers/0/image"
UNCHANGED = {"exemption": "images_unchanged"}


def _connaisseur(name: str) -> bytes:
    """The review, brought from v1beta1 to v1 where it is that old."""
    octets = (ASSETS / "connaisseur" / f"{name}.json").read_bytes()
    return octets.replace(b"admission.k8s.io/v1beta1", b"admission.k8s.io/v1")


def _cronjob() -> bytes:
    document = json.loads(_connaisseur("04_cronjob"))
    document["request"]["kind"]["version"] = "v1"
    document["request"]["object"]["apiVersion"] = "batch/v1"
    return json.dumps(document).encode()


def _kyverno(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ASSETS / "kyverno" / f"{name}.yaml").read_text()))


def _code(octets: bytes) -> str:
    return str(Webhook().ask("mutate", octets)["auditAnnotations"]["code"])


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("01_deployment", [(TEMPLATE, f"{ALICE}:test")]),
        ("02_pod", [(POD, CHARLIE)]),
        ("03_replicaset", [(TEMPLATE, "securesystemsengineering/sample-san-sama:hai")]),
        ("05_replication_controller", [(TEMPLATE, "nginx")]),
        ("06_daemonset", [(TEMPLATE, "quay.io/fluentd_elasticsearch/fluentd:v2.5.2")]),
        ("07_statefulset", [(TEMPLATE, "registry.k8s.io/nginx-slim:0.8")]),
        ("08_job", [(TEMPLATE, "perl:5.34.0")]),
        (
            "09_dply_multi_image",
            [
                (TEMPLATE, "redis:alpine"),
                ("/spec/template/spec/containers/1/image", "mysql:8"),
                ("/spec/template/spec/initContainers/0/image", "busybox:1.32"),
            ],
        ),
        ("10_update", [(TEMPLATE, f"docker.io/library/redis:latest@sha256:{'1' * 64}")]),
        ("13_unknown_parent", [(POD, CHARLIE)]),
        ("16_mismatch_uid", [(POD, CHARLIE)]),
        ("19_pod_initcontainer", [(POD, CHARLIE), ("/spec/initContainers/0/image", "nginx")]),
        ("20_pod_ephemeralcontainer", [(POD, CHARLIE), ("/spec/ephemeralContainers/0/image", "nginx")]),
    ],
)
def test_the_images_of_a_connaisseur_review_are_found(name: str, images: list[tuple[str, str]]) -> None:
    assert sorted(places(find_images(parse_review(_connaisseur(name))))) == sorted(images)


def test_the_image_of_a_cronjob_is_found_once_its_version_is_current() -> None:
    found = places(find_images(parse_review(_cronjob())))
    assert found == [("/spec/jobTemplate/spec/template/spec/containers/0/image", "busybox")]
    assert _code(_connaisseur("04_cronjob")) == "kind_unsupported"


@pytest.mark.parametrize(
    ("name", "code"),
    [("11_role", "kind_unsupported"), ("12_err_pod", "object_malformed"), ("27_deleted_deployment", None)],
)
def test_a_connaisseur_review_that_cannot_be_judged_is_denied(name: str, code: str | None) -> None:
    response = Webhook(ScriptedEngine({})).ask("mutate", _connaisseur(name))
    assert not response["allowed"]
    assert response["auditAnnotations"]["code"] == (code or "signature.authority")


def test_a_cronjob_that_says_it_is_a_pod_is_denied() -> None:
    document = json.loads(_cronjob())
    document["request"]["kind"] = {"group": "", "version": "v1", "kind": "Pod"}
    assert _code(json.dumps(document).encode()) == "object_malformed"


@pytest.mark.parametrize(
    "name", ["21_broken_admission_request", "25_null_request", "26_broken_update_admission_request"]
)
def test_a_connaisseur_body_that_is_no_review_is_http_400(name: str) -> None:
    assert Webhook().post("mutate", _connaisseur(name)).status_code == 400


def test_a_review_of_version_v1beta1_is_http_400() -> None:
    octets = (ASSETS / "connaisseur" / "01_deployment.json").read_bytes()
    answer = Webhook().post("mutate", octets)
    assert (answer.status_code, answer.text.split(":")[0]) == (400, "review_unsupported_version")
    assert Webhook().post("mutate", _connaisseur("01_deployment")).status_code == 200


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("01_deployment", f"{ALICE}:test", f"{ALICE}:test@{DIGEST}"),
        ("22_allow_me_with_index_docker_io", "test-image", f"test-image:latest@{DIGEST}"),
        ("08_job", "perl:5.34.0", f"perl:5.34.0@{DIGEST}"),
    ],
)
def test_an_allowed_tag_is_pinned_to_the_digest(name: str, before: str, after: str) -> None:
    octets = _connaisseur(name)
    test, replace = patch_of(Webhook().ask("mutate", octets))

    assert (test["value"], replace["value"]) == (before, after)
    assert apply_patch(json.loads(octets)["request"]["object"], [test, replace])


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("18_allow_me_pod", "my.reg/allow-me@sha256:91ac9b26df583762234c1cdb2fc930364754ccc59bc752a2bfe298d2ea68f9ff"),
        ("23_alice_digest_dpl", f"docker.io/{ALICE}@{ALICE_DIGEST}"),
        ("24_alice_tag_digest_dpl", f"docker.io/{ALICE}:test@{ALICE_DIGEST}"),
    ],
)
@pytest.mark.parametrize("hook", ["mutate", "validate"])
def test_an_allowed_digest_stays_as_it_is(hook: str, name: str, reference: str) -> None:
    response = Webhook(ScriptedEngine({reference: DIGEST})).ask(hook, _connaisseur(name))
    assert response["allowed"]
    assert "patch" not in response
    assert not Webhook(ScriptedEngine({})).ask(hook, _connaisseur(name))["allowed"]


@pytest.mark.parametrize("name", ["14_deny_me_job", "15_allow_me_job", "17_deny_me_pod"])
def test_a_denial_of_a_connaisseur_review_is_http_200(name: str) -> None:
    assert not Webhook(ScriptedEngine({})).ask("validate", _connaisseur(name))["allowed"]


@pytest.mark.parametrize(
    "name", ["10_update", "28_deleted_deployment_updated", "29_deleted_deployment_update_for_delete"]
)
def test_a_connaisseur_update_that_keeps_its_images_is_allowed(name: str) -> None:
    assert Webhook(ScriptedEngine({})).ask("mutate", _connaisseur(name))["auditAnnotations"] == UNCHANGED


@pytest.mark.parametrize("name", ["28_deleted_deployment_updated", "29_deleted_deployment_update_for_delete"])
def test_a_terminating_object_that_changes_an_image_is_judged(name: str) -> None:
    document = json.loads(_connaisseur(name))
    document["request"]["object"]["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"
    response = Webhook(ScriptedEngine({})).ask("mutate", json.dumps(document).encode())
    assert response["auditAnnotations"]["code"] == "signature.authority"


def _kyverno_images(name: str) -> list[str]:
    documents = [document for document in _kyverno(name) if document["kind"] != "Namespace"]
    requests = [parse_review(json.dumps(review(document)).encode()) for document in documents]
    return [written for request in requests for _, written in places(find_images(request))]


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("pod-before-ephemeral-container", ["public.ecr.aws/docker/library/busybox:1.35"]),
        ("pod-with-ephemeral-container", ["bar.io/busybox:1.35"] * 2),
        ("pod-init-and-ephemeral", ["public.ecr.aws/docker/library/nginx"] * 3),
        ("pod-init-other-registry", ["public.ecr.aws/docker/library/nginx", "some.registry/istio/proxyv2:1.18.7"]),
        ("deployment-cronjob-unsigned", ["ghcr.io/kyverno/test-verify-image:unsigned"] * 2),
        ("deployment-cronjob-signed", ["ghcr.io/kyverno/test-verify-image:signed"] * 2),
        ("deployment-rollback-old", ["ghcr.io/kyverno/test-verify-image-rollback:signed-2"]),
        ("pod-not-skipped-signed", ["ghcr.io/kyverno/test-verify-image:signed"]),
    ],
)
def test_the_images_of_a_kyverno_object_are_found(name: str, images: list[str]) -> None:
    assert _kyverno_images(name) == images


def test_an_annotation_that_forges_a_verdict_is_no_evidence() -> None:
    (document,) = _kyverno("pod-forged-verification-annotation")
    assert not Webhook(ScriptedEngine({})).ask("mutate", review(document))["allowed"]
    assert Webhook().ask("mutate", review(document))["allowed"]


def test_pinning_gives_what_kyverno_pins() -> None:
    (before,), (after,) = _kyverno("pod-tag-to-pin"), _kyverno("pod-tag-to-pin.pinned")
    digest = parse_review(json.dumps(review(after)).encode())
    (image,) = find_images(digest)
    assert image.reference.digest
    webhook = Webhook(ScriptedEngine({"*": image.reference.digest}))

    assert apply_patch(before, patch_of(webhook.ask("mutate", review(before)))) == after


def test_one_good_image_does_not_excuse_a_bad_one() -> None:
    (good,), (mixed,) = _kyverno("pod-skipped-reference"), _kyverno("pod-skipped-plus-unverified")
    webhook = Webhook(ScriptedEngine({good["spec"]["containers"][0]["image"]: DIGEST}))

    assert webhook.ask("mutate", review(good))["allowed"]
    assert not webhook.ask("mutate", review(mixed))["allowed"]


def test_an_update_of_the_second_image_alone_is_judged() -> None:
    (old,), (new,) = _kyverno("deployment-two-containers-v1"), _kyverno("deployment-two-containers-v2")
    webhook = Webhook()
    response = webhook.ask("mutate", review(new, old=old, operation="UPDATE"))

    assert len(patch_of(response)) == 4
    assert len(webhook.engine.questions[0].references) == 2


def test_an_ephemeral_container_added_through_the_subresource_is_judged() -> None:
    _, old = _kyverno("pod-before-ephemeral-container")
    new = json.loads(json.dumps(old))
    new["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "evil:1"}]
    body = review(new, old=old, operation="UPDATE", subResource="ephemeralcontainers")

    assert not Webhook(ScriptedEngine({})).ask("mutate", body)["allowed"]


STEPS = CustomResource(
    kind=GroupVersionKind(group="tekton.dev", version="v1beta1", kind="Task"),
    resource="tasks",
    images=(FieldPath.parse("spec.steps[*].image"),),
)


@pytest.mark.parametrize("name", ["task-unsigned", "task-signed-keyless"])
def test_a_task_is_judged_by_the_images_of_its_steps(name: str) -> None:
    (document,) = _kyverno(name)
    images = [step["image"] for step in document["spec"]["steps"]]
    coverage = Coverage(custom_resources=(STEPS,))
    good = ScriptedEngine({str(Reference.parse(image)): DIGEST for image in images})
    found = find_images(parse_review(json.dumps(review(document)).encode()), coverage)

    assert [image.written for image in found] == images
    assert Webhook(good, coverage=coverage).ask("mutate", review(document))["allowed"]
    assert not Webhook(ScriptedEngine({}), coverage=coverage).ask("mutate", review(document))["allowed"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("deployment-blank-image", "reference_malformed"),
        ("task-unsigned", "kind_unsupported"),
        ("task-signed-keyless", "kind_unsupported"),
    ],
)
def test_a_kyverno_object_we_cannot_judge_is_denied(name: str, code: str) -> None:
    (document,) = _kyverno(name)
    request = parse_review(json.dumps(review(document)).encode())
    with pytest.raises(InvalidInput) as caught:
        find_images(request)
    assert caught.value.code == code
