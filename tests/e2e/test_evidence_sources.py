"""Where the gate takes evidence from, and what its answer is bound to."""

import json
import shutil
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from assay.domain.artefact import Artefact
from assay.domain.decision import Verdict
from assay.domain.descriptor import OCI_MANIFEST, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.gate import Candidate, EvidenceSource, FromLayout, FromRegistry, GateAnswer, GateQuestion
from assay.domain.reference import Reference, Repository
from assay.domain.statement import IMAGE_SIGNATURE
from demo.refusal import codes_of
from demo.stack import ENVIRONMENT, Stack, run_assay
from demo.variant import PROVENANCE, Workbench
from tests.fixtures.stacks import Released, copy_image, deadline

UNPUBLISHED = "age/unpublished"


def ask(bench: Workbench, repository: Repository, digest: Digest, evidence: EvidenceSource) -> GateAnswer:
    artefact = Artefact(repository=repository, digest=digest)
    question = GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=evidence)
    return bench.service.ask(question, deadline())


def below(bench: Workbench, path: str) -> Repository:
    return Repository(registry=bench.repository.registry, path=path)


def candidate(bench: Workbench, *, but: str = "") -> Candidate:
    """The published image as documents of a call, with every bundle but those of one predicate type."""
    manifest = bench.registry.resolve(Reference(repository=bench.repository, digest=bench.base), bench.deadline())
    entry = json.loads(manifest.octets)["config"]
    config = Descriptor(media_type=entry["mediaType"], digest=Digest(entry["digest"]), size=entry["size"])
    return Candidate(
        manifest=manifest.octets,
        media_type=OCI_MANIFEST,
        config=bench.registry.fetch_blob(bench.repository, config, bench.deadline()),
        bundles=tuple(octets for kind, (_, octets) in bench.bundles(bench.base).items() if kind != but),
    )


def test_evidence_in_the_registry_allows(bench: Workbench, released: Released) -> None:
    assert ask(bench, bench.repository, released.digest, FromRegistry()).verdict is Verdict.ALLOW


def test_an_image_that_the_registry_does_not_have_is_an_error_and_no_decision(bench: Workbench) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(bench, bench.repository, Digest.of(b"nothing"), FromRegistry())
    assert refused.value.code == "manifest_unknown"


def test_evidence_in_the_call_allows_an_image_that_is_pushed_nowhere(bench: Workbench, released: Released) -> None:
    answer = ask(bench, below(bench, UNPUBLISHED), released.digest, candidate(bench))
    assert answer.verdict is Verdict.ALLOW, answer.findings


@pytest.mark.parametrize("missing", [IMAGE_SIGNATURE, PROVENANCE])
def test_evidence_in_the_call_must_be_complete(bench: Workbench, released: Released, missing: str) -> None:
    answer = ask(bench, below(bench, UNPUBLISHED), released.digest, candidate(bench, but=missing))
    assert answer.verdict is not Verdict.ALLOW
    assert "absent" in codes_of(answer)


def test_documents_of_another_image_than_the_call_names_are_refused(bench: Workbench) -> None:
    other = bench.push_variant("named in the call")
    with pytest.raises(InvalidInput) as refused:
        ask(bench, below(bench, UNPUBLISHED), other.digest, candidate(bench))
    assert refused.value.code == "digest_mismatch"


def test_evidence_in_a_layout_below_the_root_allows(bench: Workbench, released: Released) -> None:
    answer = ask(bench, below(bench, UNPUBLISHED), released.digest, FromLayout(path="age"))
    assert answer.verdict is Verdict.ALLOW, answer.findings


def test_the_command_line_names_a_layout(stack: Stack, released: Released) -> None:
    image = f"{stack.registry.host}/{UNPUBLISHED}@{released.digest}"
    completed = run_assay(
        "gate", "--environment", ENVIRONMENT, "--layout", "age", "--service", stack.service_url, image
    )
    assert "allow" in completed.stdout.lower()


@pytest.mark.parametrize("escape", ["..", "../layouts/age", "age/../age", "/absolute", "link", "linked/age"])
def test_a_layout_outside_the_root_or_behind_a_link_is_refused(
    stack: Stack, bench: Workbench, released: Released, escape: str
) -> None:
    root = released.layout.parent
    outside = stack.folder / "outside"
    if not outside.exists():
        shutil.copytree(released.layout, outside / "age")
        (root / "link").symlink_to(outside / "age")
        (root / "linked").symlink_to(outside)
    path = str(outside / "age") if escape == "/absolute" else escape
    with pytest.raises(InvalidInput) as refused:
        ask(bench, bench.repository, released.digest, FromLayout(path=path))
    assert refused.value.code == "layout_refused"


def test_a_blob_of_a_layout_behind_a_link_is_not_read(stack: Stack, bench: Workbench, released: Released) -> None:
    layout = released.layout.with_name("linked-blob")
    shutil.copytree(released.layout, layout)
    manifest = layout / "blobs" / "sha256" / released.digest.hex
    moved = stack.folder / "moved-blob"
    manifest.rename(moved)
    manifest.symlink_to(moved)
    refused = ask(bench, bench.repository, released.digest, FromLayout(path=layout.name))
    assert refused.verdict is Verdict.DENY
    assert "layout_refused" in codes_of(refused)
    manifest.unlink()
    moved.rename(manifest)
    answer = ask(bench, bench.repository, released.digest, FromLayout(path=layout.name))
    assert answer.verdict is Verdict.ALLOW


def test_an_allow_for_one_repository_is_none_for_another_that_is_not_allowed(
    bench: Workbench, released: Released
) -> None:
    elsewhere = below(bench, "elsewhere")
    copy_image(bench, released.digest, elsewhere)
    answer = ask(bench, elsewhere, released.digest, candidate(bench))
    assert answer.verdict is not Verdict.ALLOW
    assert codes_of(answer) == {"registry.allowed"}
    assert json.loads(answer.leaf)["images"] == [{"digest": released.digest.text, "name": elsewhere.name}]
    allowed = ask(bench, bench.repository, released.digest, candidate(bench))
    assert json.loads(allowed.leaf)["images"] == [{"digest": released.digest.text, "name": bench.repository.name}]


def body(released: Released, **changes: object) -> dict[str, Any]:
    artefact = {"type": "image", "repository": released.repository.name, "digest": released.digest.text}
    return {"artefact": artefact, "environment": ENVIRONMENT, "evidence": {"from": "registry"}, **changes}


def post(stack: Stack, document: Mapping[str, object]) -> tuple[int, dict[str, Any]]:
    answer = requests.post(f"{stack.service_url}/v1/gate", json=document, timeout=20)
    return answer.status_code, answer.json()


def test_an_environment_of_another_tenant_is_refused(stack: Stack, released: Released) -> None:
    status, problem = post(stack, body(released, environment="another-tenants"))
    assert (status, problem["code"], problem["retryable"]) == (403, "environment_forbidden", False)
    status, answer = post(stack, body(released))
    assert (status, answer["verdict"]) == (200, "allow")


def test_a_caller_cannot_name_a_tenant_or_a_policy(stack: Stack, released: Released) -> None:
    for name in ("tenant", "policy", "rule_data"):
        status, problem = post(stack, body(released, **{name: "laxer"}))
        assert (status, problem["code"]) == (400, "request_invalid")
