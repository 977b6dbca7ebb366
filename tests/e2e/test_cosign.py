"""Interoperability with real cosign v3, from a registry with and one without the referrers API."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.domain.artefact import Artefact
from assay.domain.decision import Verdict
from assay.domain.descriptor import Descriptor
from assay.domain.gate import FromRegistry, GateAnswer, GateQuestion
from assay.domain.reference import Repository
from assay.domain.statement import IMAGE_SIGNATURE
from assay.ports import Signer
from demo.stack import ENVIRONMENT, Stack, run_assay
from demo.variant import CYCLONEDX, PROVENANCE, SPDX, Workbench
from tests.fixtures.stacks import (
    Cosign,
    DistributionServer,
    Released,
    build,
    copy_image,
    deadline,
    load_signer,
)

pytestmark = pytest.mark.tools

NO_LOG = "--insecure-ignore-tlog"
NOTHING_ONLINE = ("--use-signing-config=false", "--tlog-upload=false", "--yes")
LEGACY = "--new-bundle-format=false"
FORMS = [pytest.param((), id="v3 bundle"), pytest.param((LEGACY,), id="legacy")]
TYPES = {"slsaprovenance1": PROVENANCE, "spdxjson": SPDX, "cyclonedx": CYCLONEDX}
DOCUMENTS = {"slsaprovenance1": "provenance.json", "spdxjson": "sbom.spdx.json", "cyclonedx": "sbom.cdx.json"}


@pytest.fixture(scope="module")
def cosign_keys(cosign: Cosign) -> Path:
    """A folder with a key pair that cosign generated."""
    folder = cosign.home / "generated"
    folder.mkdir()
    cosign.accept("generate-key-pair", "--output-key-prefix", str(folder / "cosign"))
    return folder


@pytest.fixture(scope="module")
def without_referrers(stack: Stack, distribution: DistributionServer) -> Released:
    """The image built once more, and published in the registry without the referrers API."""
    repository = Repository(registry=distribution.host, path="age")
    return build(stack, repository, stack.folder / "again")


@pytest.fixture(params=["referrers API", "fallback tag"])
def published(request: pytest.FixtureRequest) -> Released:
    """What the builder published, in each of the two registries."""
    name = "released" if request.param == "referrers API" else "without_referrers"
    found: Released = request.getfixturevalue(name)
    return found


def bare_image(bench: Workbench, repository: Repository, name: str) -> Descriptor:
    """An image without any evidence in this repository."""
    image = bench.push_variant(name)
    return image if repository == bench.repository else copy_image(bench, image.digest, repository)


def sign_with_cosign(cosign: Cosign, key: Path, image: str, form: Sequence[str]) -> None:
    cosign.accept("sign", "--key", str(key), *NOTHING_ONLINE, *form, image)


def attest_with_cosign(
    cosign: Cosign, key: Path, image: str, form: Sequence[str], released: Released, kinds: Sequence[str]
) -> None:
    for kind in kinds:
        predicate = str(released.predicate(DOCUMENTS[kind]))
        cosign.accept(
            "attest", "--key", str(key), "--type", kind, "--predicate", predicate, *NOTHING_ONLINE, *form, image
        )


def ask(bench: Workbench, repository: Repository, image: Descriptor) -> GateAnswer:
    artefact = Artefact(repository=repository, digest=image.digest)
    question = GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=FromRegistry())
    return bench.service.ask(question, deadline())


def verify(image: str, key: Path) -> tuple[int, dict[str, Any]]:
    completed = run_assay("verify", "--key", str(key), image, "--output", "json", check=False)
    return completed.returncode, json.loads(completed.stdout)


def test_a_second_build_for_another_registry_is_the_same_image(released: Released, without_referrers: Released) -> None:
    assert without_referrers.digest == released.digest


def test_cosign_accepts_the_signature_of_the_builder(stack: Stack, published: Released, cosign: Cosign) -> None:
    key = str(stack.folder / "keys" / "cosign.pub")
    verified = [
        entry["critical"] for entry in json.loads(cosign.accept("verify", "--key", key, NO_LOG, published.tagged))
    ]
    assert {entry["image"]["docker-manifest-digest"] for entry in verified} == {published.digest.text}
    assert {entry["type"] for entry in verified} == {IMAGE_SIGNATURE, *TYPES.values()}


@pytest.mark.parametrize("kind", TYPES)
def test_cosign_accepts_each_attestation_of_the_builder(
    stack: Stack, published: Released, cosign: Cosign, kind: str
) -> None:
    key = str(stack.folder / "keys" / "cosign.pub")
    printed = cosign.accept("verify-attestation", "--key", key, NO_LOG, "--type", kind, published.pinned)
    assert json.loads(printed)["payloadType"] == "application/vnd.in-toto+json"


@pytest.mark.parametrize("command", [("verify",), *(("verify-attestation", "--type", kind) for kind in TYPES)])
def test_cosign_refuses_the_builders_evidence_under_another_key(
    published: Released, cosign: Cosign, cosign_keys: Path, command: tuple[str, ...]
) -> None:
    refused = cosign.run(*command, "--key", str(cosign_keys / "cosign.pub"), NO_LOG, published.pinned)
    assert refused.returncode != 0
    assert not refused.stdout


def test_assay_verifies_what_the_builder_published(stack: Stack, published: Released) -> None:
    status, report = verify(published.tagged, stack.folder / "keys" / "cosign.pub")
    assert (status, report["verified"], report["rejected"]) == (0, True, [])
    assert len(report["claims"]) == 4


@pytest.mark.parametrize("form", FORMS)
def test_what_cosign_signed_and_attested_is_verified_and_allowed(
    stack: Stack, bench: Workbench, published: Released, cosign: Cosign, form: tuple[str, ...]
) -> None:
    image = bare_image(bench, published.repository, f"by cosign {form}")
    name = f"{published.repository}@{image.digest}"
    key = stack.folder / "keys" / "cosign.key"
    sign_with_cosign(cosign, key, name, form)
    attest_with_cosign(cosign, key, name, form, published, list(TYPES))
    status, report = verify(name, key.with_suffix(".pub"))
    assert (status, report["rejected"]) == (0, [])
    attested = {claim["predicate_type"] for claim in report["claims"] if claim["type"] == "attestation"}
    assert attested == set(TYPES.values())
    answer = ask(bench, published.repository, image)
    assert answer.verdict is Verdict.ALLOW, answer.findings


@pytest.mark.parametrize("form", FORMS)
def test_without_cosigns_signature_the_attested_image_is_denied(
    stack: Stack, bench: Workbench, published: Released, cosign: Cosign, form: tuple[str, ...]
) -> None:
    image = bare_image(bench, published.repository, f"not signed by cosign {form}")
    name = f"{published.repository}@{image.digest}"
    attest_with_cosign(cosign, stack.folder / "keys" / "cosign.key", name, form, published, list(TYPES))
    answer = ask(bench, published.repository, image)
    assert (answer.verdict, answer.retryable) == (Verdict.INDETERMINATE, False)
    assert "absent" in {reason for finding in answer.findings for reason in finding.reasons}


@pytest.mark.parametrize("form", FORMS)
def test_what_cosign_signed_with_its_own_key_needs_that_key(
    stack: Stack, bench: Workbench, published: Released, cosign: Cosign, cosign_keys: Path, form: tuple[str, ...]
) -> None:
    image = bare_image(bench, published.repository, f"cosign's own key {form}")
    name = f"{published.repository}@{image.digest}"
    sign_with_cosign(cosign, cosign_keys / "cosign.key", name, form)
    status, report = verify(name, cosign_keys / "cosign.pub")
    assert (status, report["verified"]) == (0, True)
    status, report = verify(name, stack.folder / "keys" / "cosign.pub")
    assert (status, report["verified"]) == (1, False)
    assert {item["code"] for item in report["rejected"]} == {"signature_invalid"}
    assert ask(bench, published.repository, image).verdict is not Verdict.ALLOW


def test_assay_signs_with_a_key_that_cosign_generated(bench: Workbench, cosign: Cosign, cosign_keys: Path) -> None:
    image = bench.push_variant("signed by Assay with cosign's key")
    theirs: Signer = load_signer(cosign_keys)
    bench.sign(theirs, image)
    bench.attest(theirs, image, SPDX, bench.predicate(SPDX))
    name, key = f"{bench.repository}@{image.digest}", str(cosign_keys / "cosign.pub")
    verified = json.loads(cosign.accept("verify", "--key", key, NO_LOG, name))
    assert {entry["critical"]["image"]["docker-manifest-digest"] for entry in verified} == {image.digest.text}
    printed = cosign.accept("verify-attestation", "--key", key, NO_LOG, "--type", "spdxjson", name)
    assert json.loads(printed)["payloadType"] == "application/vnd.in-toto+json"
