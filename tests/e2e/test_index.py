"""Indexes of two platforms in a real registry, signed by real cosign and by Assay: gate, webhook, `assay verify`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.domain.decision import Verdict
from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from assay.domain.digest import Digest
from assay.domain.gate import GateAnswer
from assay.ports import Signer
from demo.admission import patched_image, review_of_pod, send_review
from demo.stack import Stack, run_assay
from demo.variant import PROVENANCE, SPDX, Workbench
from tests.fakes.buildkit import FakeAttestation
from tests.fixtures.polling import eventually
from tests.fixtures.stacks import Cosign, Released

pytestmark = pytest.mark.tools

PLATFORMS = ("linux/amd64", "linux/arm64")
OFFLINE = ("--use-signing-config=false", "--tlog-upload=false", "--yes")
FORMS = [pytest.param((), id="v3 bundle"), pytest.param(("--new-bundle-format=false",), id="legacy")]
DOCUMENTS = {"slsaprovenance1": "provenance.json", "spdxjson": "sbom.spdx.json"}


def entry(item: Descriptor, platform: str) -> dict[str, object]:
    system, _, architecture = platform.partition("/")
    named = {"os": system, "architecture": architecture}
    return {"mediaType": item.media_type, "digest": item.digest.text, "size": item.size, "platform": named}


def push_index(
    bench: Workbench, images: Sequence[Descriptor], more: Sequence[Mapping[str, object]] = (), *, tag: str = ""
) -> Descriptor:
    """Push an index of these images, one for each platform."""
    entries = [*(entry(*pair) for pair in zip(images, PLATFORMS, strict=True)), *more]
    octets = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    return bench.registry.push_manifest(bench.repository, octets, OCI_INDEX, bench.deadline(), tag=tag)


def push_images(bench: Workbench, name: str) -> list[Descriptor]:
    """Two images without any evidence."""
    return [bench.push_variant(f"{name} {platform}") for platform in PLATFORMS]


def pinned(bench: Workbench, item: Descriptor) -> str:
    return f"{bench.repository}@{item.digest}"


def key_file(stack: Stack) -> Path:
    return stack.folder / "keys" / "cosign.key"


def attest(cosign: Cosign, stack: Stack, released: Released, image: str, form: tuple[str, ...]) -> None:
    for kind, document in DOCUMENTS.items():
        predicate = str(released.predicate(document))
        words = ("--key", str(key_file(stack)), "--type", kind, "--predicate", predicate, *OFFLINE, *form)
        cosign.accept("attest", *words, image)


def verify(stack: Stack, image: str, *options: str) -> tuple[int, dict[str, Any]]:
    key = str(key_file(stack).with_suffix(".pub"))
    completed = run_assay("verify", "--key", key, image, "--output", "json", *options, check=False)
    return completed.returncode, json.loads(completed.stdout)


def blocked(answer: GateAnswer) -> set[str]:
    return {finding.platform for finding in answer.findings if finding.blocks and finding.platform}


def reasons(answer: GateAnswer) -> set[str]:
    return {reason for finding in answer.findings for reason in finding.reasons}


@pytest.mark.parametrize("form", FORMS)
def test_what_cosign_signed_and_attested_on_the_index_allows_it(
    stack: Stack, bench: Workbench, released: Released, cosign: Cosign, form: tuple[str, ...]
) -> None:
    index = push_index(bench, push_images(bench, f"top {form}"))
    name = pinned(bench, index)
    attest(cosign, stack, released, name, form)
    assert bench.gate(index.digest).verdict is not Verdict.ALLOW
    cosign.accept("sign", "--key", str(key_file(stack)), *OFFLINE, *form, name)
    status, report = verify(stack, name)
    assert (status, report["rejected"]) == (0, [])
    assert {claim["bound_to"] for claim in report["claims"]} == {index.digest.text}
    answer = bench.gate(index.digest)
    assert (answer.verdict, answer.artefact.digest) == (Verdict.ALLOW, index.digest), answer.findings


@pytest.mark.parametrize("form", FORMS)
def test_what_cosign_signed_recursively_and_attested_on_each_platform_allows_all(
    stack: Stack, bench: Workbench, released: Released, cosign: Cosign, form: tuple[str, ...]
) -> None:
    images = push_images(bench, f"recursive {form}")
    index = push_index(bench, images)
    cosign.accept("sign", "--recursive", "--key", str(key_file(stack)), *OFFLINE, *form, pinned(bench, index))
    attest(cosign, stack, released, pinned(bench, images[0]), form)
    assert blocked(bench.gate(index.digest)) == {PLATFORMS[1]}
    assert bench.gate(images[0].digest).verdict is Verdict.ALLOW
    attest(cosign, stack, released, pinned(bench, images[1]), form)
    answer = bench.gate(index.digest)
    assert answer.verdict is Verdict.ALLOW, answer.findings
    _, report = verify(stack, pinned(bench, index))
    bound = {claim["bound_to"] for claim in report["claims"] if claim["type"] == "signature"}
    assert bound == {item.digest.text for item in (index, *images)}


def test_cosigns_signature_of_one_platform_is_none_of_the_index(stack: Stack, bench: Workbench, cosign: Cosign) -> None:
    images = push_images(bench, "one platform")
    index = push_index(bench, images)
    cosign.accept("sign", "--key", str(key_file(stack)), *OFFLINE, pinned(bench, images[0]))
    status, report = verify(stack, pinned(bench, index))
    signed = {entry["platform"]: entry["signed"] for entry in report["manifests"] if entry["type"] == "image"}
    assert (status, signed) == (1, {PLATFORMS[0]: True, PLATFORMS[1]: False})
    assert verify(stack, pinned(bench, index), "--platform", PLATFORMS[0])[0] == 0
    assert verify(stack, pinned(bench, index), "--platform", PLATFORMS[1])[0] == 1


def test_what_assay_signed_and_attested_on_the_index_allows_it_and_cosign_agrees(
    stack: Stack, bench: Workbench, cosign: Cosign, signer: Signer
) -> None:
    images = push_images(bench, "by Assay")
    index = push_index(bench, images)
    bench.attest_all(signer, index)
    denied = bench.gate(index.digest)
    assert (denied.verdict, blocked(denied)) == (Verdict.INDETERMINATE, set(PLATFORMS))
    bench.sign(signer, index)
    assert bench.gate(index.digest).verdict is Verdict.ALLOW
    assert bench.gate(images[0].digest).verdict is not Verdict.ALLOW
    key = str(key_file(stack).with_suffix(".pub"))
    cosign.accept("verify", "--key", key, "--insecure-ignore-tlog", pinned(bench, index))


def test_a_pod_that_names_the_tag_of_an_index_is_pinned_to_the_index(
    stack: Stack, bench: Workbench, signer: Signer
) -> None:
    index = push_index(bench, push_images(bench, "for a Pod"), tag="multi")
    tagged = f"{bench.repository}:multi"
    assert not send_review(stack, "mutate", review_of_pod(tagged))["allowed"]
    bench.attest_all(signer, index)
    bench.sign(signer, index)

    def ask() -> dict[str, Any] | None:
        answer = send_review(stack, "mutate", review_of_pod(tagged))
        return answer if answer["allowed"] else None

    response = eventually(ask, "an allow after the denial, which is kept for 15 s")
    assert patched_image(response) == f"{tagged}@{index.digest}"
    assert send_review(stack, "validate", review_of_pod(f"{tagged}@{index.digest}"))["allowed"]


def push_built_index(bench: Workbench, name: str) -> tuple[Descriptor, list[Descriptor]]:
    """An index with provenance and SBOM as BuildKit puts them into it."""
    images = push_images(bench, name)
    predicates = {kind: bench.predicate(kind) for kind in (PROVENANCE, SPDX)}
    attestations = [FakeAttestation.of(item.digest, predicates) for item in images]
    for attestation in attestations:
        for blob in (*attestation.statements.values(), attestation.config):
            bench.registry.push_blob(bench.repository, blob, bench.deadline())
        bench.registry.push_manifest(bench.repository, attestation.manifest, OCI_MANIFEST, bench.deadline())
    return push_index(bench, images, [item.entry for item in attestations]), images


def test_statements_of_buildkit_count_once_cosign_signed_the_index(
    stack: Stack, bench: Workbench, cosign: Cosign
) -> None:
    index, images = push_built_index(bench, "by BuildKit")
    assert "attestation_unsigned" in reasons(bench.gate(index.digest))
    cosign.accept("sign", "--key", str(key_file(stack)), *OFFLINE, pinned(bench, index))
    answer = bench.gate(index.digest)
    assert answer.verdict is Verdict.ALLOW, answer.findings
    _, report = verify(stack, pinned(bench, index))
    bound = {Digest(claim["bound_to"]) for claim in report["claims"] if claim["format"] == "buildkit"}
    assert bound == {item.digest for item in images}


def test_signatures_of_the_platforms_make_no_statement_of_buildkit_count(bench: Workbench, signer: Signer) -> None:
    index, images = push_built_index(bench, "by BuildKit, platforms signed")
    for item in images:
        bench.sign(signer, item)
    answer = bench.gate(index.digest)
    assert (answer.verdict, reasons(answer)) == (Verdict.INDETERMINATE, {"attestation_unsigned"})
