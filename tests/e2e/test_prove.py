"""A chain of real parts: git and its signature, Assay's keyless signature in a tiled log, and the walk back."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.bootstrap.composition import SystemComposition
from assay.domain.descriptor import OCI_MANIFEST
from assay.domain.reference import Repository
from assay.domain.statement import PAYLOAD_TYPE
from demo.stack import run_assay
from tests.fakes.git_history import SIGNER, GitHistory, make_history
from tests.fakes.oci import CONFIG, image
from tests.fakes.policy import provenance_predicate, spdx_predicate
from tests.fixtures.private_sigstore import PrivateSigstore
from tests.fixtures.signed_images import JOB, REF, REPOSITORY, WORKFLOW
from tests.fixtures.stacks import Cosign, deadline

pytestmark = pytest.mark.tools


@dataclass(frozen=True, kw_only=True)
class Release:
    """An image that a CI job signed and attested, the source it says it was built from, and whom to trust."""

    name: str
    history: GitHistory
    trust: list[str]
    cosign_trust: list[str]

    def prove(self, *words: str) -> tuple[int, dict[str, str]]:
        """How `assay prove` ends, and the standing of each link."""
        completed = run_assay("prove", *self.trust, *words, "--output", "json", check=False)
        (chain,) = json.loads(completed.stdout)["chains"]
        return completed.returncode, {link["link"]: link["code"] or link["standing"] for link in chain["links"]}


@pytest.fixture(scope="module")
def release(
    tmp_path_factory: pytest.TempPathFactory, private_sigstore: PrivateSigstore, referrers_host: str
) -> Release:
    folder = tmp_path_factory.mktemp("release")
    history = make_history(folder)
    repository = Repository(registry=referrers_host, path="proven")
    registry = SystemComposition().registry(plain_http=(), ca=None)
    for blob in (CONFIG, b"layer"):
        registry.push_blob(repository, blob, deadline())
    pushed = registry.push_manifest(repository, image(), OCI_MANIFEST, deadline())
    registry.close()
    name, token = f"{repository}@{pushed.digest}", folder / "token"
    token.write_text(private_sigstore.token("job", repository=REPOSITORY, workflow=WORKFLOW, ref=REF))
    root = str(private_sigstore.trusted_root())
    services = ["--signing-config", str(private_sigstore.signing_config("tiles", "tsa")), "--trusted-root", root]
    keyless = ["--keyless", *services, "--identity-token", str(token), name]
    run_assay("sign", *keyless)
    predicates = {"slsaprovenance1": provenance_predicate(commit=history.signed), "spdxjson": spdx_predicate("MIT")}
    for kind, predicate in predicates.items():
        (folder / kind).write_text(json.dumps(predicate))
        run_assay("attest", "--type", kind, "--predicate", str(folder / kind), *keyless)
    identity = ["--certificate-identity", JOB, "--certificate-oidc-issuer", private_sigstore.jobs]
    return Release(
        name=name,
        history=history,
        trust=["--identity", JOB, "--issuer", private_sigstore.jobs, "--trusted-root", root],
        cosign_trust=[*identity, "--trusted-root", root],
    )


HOLDS = dict.fromkeys(("log time", "signature", "provenance", "git commit", "SBOM"), "holds")


def signed_source(history: GitHistory) -> list[str]:
    return ["--repository", str(history.folder), "--allowed-signers", str(history.allowed_signers)]


def test_the_chain_holds_from_the_log_to_the_commit_and_the_sbom(release: Release) -> None:
    assert release.prove(*signed_source(release.history), release.name) == (0, HOLDS)


def test_cosign_accepts_what_a_job_signed_in_a_tiled_log(release: Release, cosign: Cosign) -> None:
    told = json.loads(cosign.accept("verify", *release.cosign_trust, release.name))
    assert len(told) == 3
    for kind in ("slsaprovenance1", "spdxjson"):
        attested = cosign.accept("verify-attestation", *release.cosign_trust, "--type", kind, release.name)
        assert json.loads(attested)["payloadType"] == PAYLOAD_TYPE


def test_a_bundle_of_another_history_breaks_the_chain_at_the_commit(release: Release, tmp_path: Path) -> None:
    other = make_history(tmp_path)
    status, links = release.prove("--repository", str(other.bundle()), release.name)
    assert (status, links) == (1, HOLDS | {"git commit": "commit_unknown"})
    assert release.prove("--repository", str(release.history.bundle()), release.name) == (0, HOLDS)


def test_a_commit_by_somebody_else_breaks_the_chain(release: Release, tmp_path: Path) -> None:
    strangers = ["--allowed-signers", str(make_history(tmp_path).allowed_signers)]
    status, links = release.prove("--repository", str(release.history.folder), *strangers, release.name)
    assert (status, links["git commit"]) == (1, "commit_unsigned")


def test_an_evidence_folder_proves_it_without_registry_and_clone(release: Release, tmp_path: Path) -> None:
    folder = str(tmp_path / "proof")
    assert release.prove(*signed_source(release.history), "--save", folder, release.name)[0] == 0
    signers = ["--allowed-signers", str(release.history.allowed_signers)]
    assert release.prove(*signers, "--from", folder) == (0, HOLDS)
    text = run_assay("prove", *release.trust, *signers, "--from", folder).stdout
    assert f"signed by {SIGNER}" in text
    assert f"at commit {release.history.signed}" in text
