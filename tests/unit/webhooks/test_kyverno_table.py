"""What Kyverno expects of its objects, and what becomes of them here.

`SIGNED` is what one policy trusts in all rows: the images of which the table says that they verify. Where we decide
otherwise, `DECIDED_OTHERWISE` gives the rule. A custom resource without a configured path of its images passes there;
here its kind is refused, as is that of the definition which sets it up.
"""

import json
from collections.abc import Mapping

import pytest

from assay.domain.api_type import GroupVersionKind
from assay.domain.coverage import Coverage, CustomResource
from assay.domain.digest import Digest
from assay.domain.field_path import FieldPath
from assay.domain.reference import Reference
from assay_webhooks.review import parse_review
from tests.fakes.admission import Json, ScriptedEngine, Webhook, apply_patch, find_images, patch_of, review
from tests.fixtures.admission_document import KYVERNO, documents_in, kyverno, table_of

ROWS = {row["file"]: row["expected"] for row in table_of(KYVERNO)["resources"]}
PINNED = Digest("sha256:445a99db22e9add9bfb15ddb1980861a329e5dff5c88d7eec9cbf08b6b2f4eb1")
"""What the image without a digest of its own ends in: what Kyverno pinned it to."""
SIGNED = (
    "ghcr.io/kyverno/test-verify-image:signed",
    "ghcr.io/kyverno/test-verify-image:signed-keyless",
    f"ghcr.io/kyverno/test-verify-image:signed-keyless@{PINNED}",
    "ghcr.io/kyverno/test-verify-image-rollback:signed-2",
    "ghcr.io/kyverno/zulu:v0.0.14@sha256:476b21f1a75dc90fac3579ee757f4607bb5546f476195cf645c54badf558c0db",
    "ghcr.io/sigstore/cosign/cosign@sha256:33a6a55d2f1354bc989b791974cf4ee00a900ab9e4e54b393962321758eee3c6",
    "ghcr.io/stefanprodan/podinfo:6.3.3",
    "ghcr.io/stefanprodan/podinfo:6.3.4",
    "ghcr.io/stefanprodan/podinfo:6.3.5",
    "public.ecr.aws/docker/library/busybox:1.35",
)
VERDICTS = {
    "allow": {True},
    "allow+pin": {True},
    "result": {True},
    "deny": {False},
    "extract": {False},
    "setup": {False},
}
"""What an expectation means for every workload of a file; of those that are for extraction nothing is signed."""
DECIDED_OTHERWISE = {
    "deployment-blank-image.yaml": ("what cannot be read as a reference is no image that anybody verified", {False}),
}
BESIDE = {"Namespace"}
"""Kinds that no webhook is asked about."""


def covering_tasks() -> Coverage:
    """The custom resource that the table sets up, with the path of its images."""
    (definition,) = kyverno("crd-tekton-task.yaml")
    spec = definition["spec"]
    (version,) = (version["name"] for version in spec["versions"])
    task = CustomResource(
        kind=GroupVersionKind(group=spec["group"], version=version, kind=spec["names"]["kind"]),
        resource=spec["names"]["plural"],
        images=(FieldPath.parse("spec.steps[*].image"),),
    )
    return Coverage(custom_resources=(task,))


def answers(name: str, digests: Mapping[str, Digest]) -> list[tuple[Json, Json]]:
    """Every workload of a file with what the mutating hook says of it."""
    webhook = Webhook(ScriptedEngine(digests), coverage=covering_tasks())
    asked = [found for found in kyverno(name) if found["kind"] not in BESIDE]
    return [(found, webhook.ask("mutate", review(found))) for found in asked]


def trusted() -> dict[str, Digest]:
    return {str(Reference.parse(name)): PINNED for name in SIGNED}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_what_becomes_of_an_object_is_what_the_table_says_or_what_a_rule_of_ours_says(name: str) -> None:
    _, ours = DECIDED_OTHERWISE.get(name, ("", VERDICTS.get(ROWS[name])))
    given = answers(name, trusted())
    assert {response["allowed"] for _, response in given} == ours
    for found, response in given:
        final = parse_review(json.dumps(review(apply_patch(found, patch_of(response)))).encode())
        if response["allowed"]:
            assert all(image.reference.digest for image in find_images(final, covering_tasks()))


@pytest.mark.parametrize("name", sorted(name for name, expected in ROWS.items() if expected in {"deny", "extract"}))
def test_what_is_denied_is_allowed_once_its_images_are_signed(name: str) -> None:
    signed = {**trusted(), "*": PINNED}
    assert {response["allowed"] for _, response in answers(name, signed)} == {True}


def test_every_document_has_an_expectation() -> None:
    assert ROWS.keys() == documents_in(KYVERNO)
    assert DECIDED_OTHERWISE.keys() == {name for name, expected in ROWS.items() if expected not in VERDICTS}
