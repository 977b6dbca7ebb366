"""What the tables of connaisseur and Kyverno do not ask about their own documents."""

import json

import pytest

from assay.domain.api_type import GroupVersionKind
from assay.domain.coverage import Coverage, CustomResource
from assay.domain.errors import InvalidInput
from assay.domain.field_path import FieldPath
from assay.domain.reference import Reference
from assay_webhooks.review import parse_review
from tests.fakes.admission import DIGEST, ScriptedEngine, Webhook, apply_patch, find_images, patch_of, places, review
from tests.fixtures.admission_document import connaisseur, kyverno

ALICE = "securesystemsengineering/alice-image"
ALICE_DIGEST = "sha256:1234567890123456123456789012345612345678901234561234567890123456"
UNCHANGED = {"exemption": "images_unchanged"}


def _cronjob() -> bytes:
    document = json.loads(connaisseur("04_cronjob.json"))
    document["request"]["kind"]["version"] = "v1"
    document["request"]["object"]["apiVersion"] = "batch/v1"
    return json.dumps(document).encode()


def _code(octets: bytes) -> str:
    return str(Webhook().ask("mutate", octets)["auditAnnotations"]["code"])


def test_the_image_of_a_cronjob_is_found_once_its_version_is_current() -> None:
    found = places(find_images(parse_review(_cronjob())))
    assert found == [("/spec/jobTemplate/spec/template/spec/containers/0/image", "busybox")]
    assert _code(connaisseur("04_cronjob.json")) == "kind_unsupported"


def test_a_cronjob_that_says_it_is_a_pod_is_denied() -> None:
    document = json.loads(_cronjob())
    document["request"]["kind"] = {"group": "", "version": "v1", "kind": "Pod"}
    assert _code(json.dumps(document).encode()) == "object_malformed"


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("01_deployment", f"{ALICE}:test", f"{ALICE}:test@{DIGEST}"),
        ("22_allow_me_with_index_docker_io", "test-image", f"test-image:latest@{DIGEST}"),
        ("08_job", "perl:5.34.0", f"perl:5.34.0@{DIGEST}"),
    ],
)
def test_an_allowed_tag_is_pinned_to_the_digest(name: str, before: str, after: str) -> None:
    octets = connaisseur(f"{name}.json")
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
    response = Webhook(ScriptedEngine({reference: DIGEST})).ask(hook, connaisseur(f"{name}.json"))
    assert response["allowed"]
    assert "patch" not in response
    assert not Webhook(ScriptedEngine({})).ask(hook, connaisseur(f"{name}.json"))["allowed"]


@pytest.mark.parametrize("name", ["14_deny_me_job", "15_allow_me_job", "17_deny_me_pod"])
def test_a_denial_of_a_connaisseur_review_is_http_200(name: str) -> None:
    assert not Webhook(ScriptedEngine({})).ask("validate", connaisseur(f"{name}.json"))["allowed"]


@pytest.mark.parametrize(
    "name", ["10_update", "28_deleted_deployment_updated", "29_deleted_deployment_update_for_delete"]
)
def test_a_connaisseur_update_that_keeps_its_images_is_allowed(name: str) -> None:
    assert Webhook(ScriptedEngine({})).ask("mutate", connaisseur(f"{name}.json"))["auditAnnotations"] == UNCHANGED


@pytest.mark.parametrize("name", ["28_deleted_deployment_updated", "29_deleted_deployment_update_for_delete"])
def test_a_terminating_object_that_changes_an_image_is_judged(name: str) -> None:
    document = json.loads(connaisseur(f"{name}.json"))
    document["request"]["object"]["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"
    response = Webhook(ScriptedEngine({})).ask("mutate", json.dumps(document).encode())
    assert response["auditAnnotations"]["code"] == "signature.authority"


def _kyverno_images(name: str) -> list[str]:
    documents = [document for document in kyverno(f"{name}.yaml") if document["kind"] != "Namespace"]
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
    (document,) = kyverno("pod-forged-verification-annotation.yaml")
    assert not Webhook(ScriptedEngine({})).ask("mutate", review(document))["allowed"]
    assert Webhook().ask("mutate", review(document))["allowed"]


def test_pinning_gives_what_kyverno_pins() -> None:
    (before,), (after,) = kyverno("pod-tag-to-pin.yaml"), kyverno("pod-tag-to-pin.pinned.yaml")
    digest = parse_review(json.dumps(review(after)).encode())
    (image,) = find_images(digest)
    assert image.reference.digest
    webhook = Webhook(ScriptedEngine({"*": image.reference.digest}))

    assert apply_patch(before, patch_of(webhook.ask("mutate", review(before)))) == after


def test_one_good_image_does_not_excuse_a_bad_one() -> None:
    (good,), (mixed,) = kyverno("pod-skipped-reference.yaml"), kyverno("pod-skipped-plus-unverified.yaml")
    webhook = Webhook(ScriptedEngine({good["spec"]["containers"][0]["image"]: DIGEST}))

    assert webhook.ask("mutate", review(good))["allowed"]
    assert not webhook.ask("mutate", review(mixed))["allowed"]


def test_an_update_of_the_second_image_alone_is_judged() -> None:
    (old,), (new,) = kyverno("deployment-two-containers-v1.yaml"), kyverno("deployment-two-containers-v2.yaml")
    webhook = Webhook()
    response = webhook.ask("mutate", review(new, old=old, operation="UPDATE"))

    assert len(patch_of(response)) == 4
    assert len(webhook.engine.questions[0].references) == 2


def test_an_ephemeral_container_added_through_the_subresource_is_judged() -> None:
    _, old = kyverno("pod-before-ephemeral-container.yaml")
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
    (document,) = kyverno(f"{name}.yaml")
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
    (document,) = kyverno(f"{name}.yaml")
    request = parse_review(json.dumps(review(document)).encode())
    with pytest.raises(InvalidInput) as caught:
        find_images(request)
    assert caught.value.code == code
