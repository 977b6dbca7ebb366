"""`assay prove`: what is told, how it ends, and what an evidence folder holds."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, Content
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.formats.predicate import Predicate
from assay.usecases.attach import attest_targets, sign_targets
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.desk import KeylessSigner, make_client, make_desk
from tests.fakes.git_history import SIGNER, GitHistory, make_history
from tests.fakes.oci import image, index, put_image, rendered
from tests.fakes.policy import provenance_predicate, spdx_predicate
from tests.fakes.registry import FakeRegistry, Fault
from tests.unit.cli.conftest import CommandLine

IMAGE = Digest.of(image())
TRUST = ("--identity", "anybody@sigstore.test", "--issuer", "https://issuer.test")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> GitHistory:
    return make_history(tmp_path_factory.mktemp("history"))


@pytest.fixture
def registry(history: GitHistory) -> Iterator[FakeRegistry]:
    """An image with the whole chain, under `v1` and in the index `multi`; by a signer that `assay` trusts."""
    with FakeRegistry.start() as fake:
        content = put_image(fake, "app")
        document = index(rendered(OCI_MANIFEST, image(), platform={"os": "linux", "architecture": "amd64"}))
        fake.put_manifest("app", document, OCI_INDEX, tag="multi")
        desk = make_desk(make_client(), fake.repository("app"), signer=KeylessSigner())
        root = Content(media_type=OCI_INDEX, octets=document, digest=Digest.of(document))
        sign_targets(desk, [content, root], annotations=[])
        provenance = provenance_predicate(commit=history.signed)
        attest_targets(desk, [content], Predicate(type="https://slsa.dev/provenance/v1", body=provenance))
        attest_targets(desk, [content], Predicate(type="https://spdx.dev/Document", body=spdx_predicate("MIT")))
        yield fake


@pytest.fixture
def trusting(assay: CommandLine) -> CommandLine:
    signer = KeylessSigner()
    assay.parts.trusted = TrustSnapshot.of([signer.authority()], signer.roots())
    return assay


def source(history: GitHistory) -> list[str]:
    return ["--repository", str(history.folder), "--allowed-signers", str(history.allowed_signers)]


def test_a_whole_chain_is_told_line_by_line(trusting: CommandLine, registry: FakeRegistry, history: GitHistory) -> None:
    outcome = trusting.run("prove", *TRUST, *source(history), f"{registry.host}/app:v1")
    assert outcome.status == 0
    assert outcome.out.startswith(f"PROVEN  {registry.host}/app:v1@{IMAGE}\n")
    assert [line.split("holds")[0].strip("|`├└─- ") for line in outcome.out.splitlines()[1:]] == [
        "log time",
        "signature",
        "provenance",
        "git commit",
        "SBOM",
    ]
    assert f"signed by {SIGNER}" in outcome.out


def test_an_index_is_proven_platform_by_platform(
    trusting: CommandLine, registry: FakeRegistry, history: GitHistory
) -> None:
    outcome = trusting.run("prove", *TRUST, *source(history), f"{registry.host}/app:multi")
    assert (outcome.status, "platform linux/amd64" in outcome.out) == (0, True)


def test_a_broken_chain_is_1_and_says_where(trusting: CommandLine, registry: FakeRegistry, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_history(tmp_path / "other")
    call = ["prove", *TRUST, "--repository", str(other.folder), f"{registry.host}/app:v1"]
    text, report = trusting.run(*call), trusting.run(*call, "--output", "json")
    assert (text.status, report.status) == (1, 1)
    assert "BREAKS  commit_unknown: " in text.out
    (chain,) = report.document["chains"]
    assert [link["standing"] for link in chain["links"]] == ["holds", "holds", "holds", "breaks", "holds"]


def test_evidence_that_could_not_be_asked_for_is_3(trusting: CommandLine, registry: FakeRegistry) -> None:
    registry.faults[f"/v2/app/referrers/{IMAGE}"] = Fault(status=500)
    call = ["prove", *TRUST, f"{registry.host}/app:v1"]
    outcome = trusting.run(*call)
    assert (outcome.status, "BREAKS  registry_unavailable: " in outcome.out) == (3, True)
    registry.faults.clear()
    assert trusting.run(*call).status == 0


@pytest.mark.parametrize("name", ["v1", "multi"])
def test_an_evidence_folder_proves_the_same_without_the_registry(
    trusting: CommandLine, registry: FakeRegistry, history: GitHistory, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "proof"
    saved = trusting.run("prove", *TRUST, *source(history), "--save", str(folder), f"{registry.host}/app:{name}")
    assert saved.status == 0
    asked = len(registry.requests)
    signers = ["--allowed-signers", str(history.allowed_signers)]
    again = trusting.run("prove", *TRUST, *signers, "--from", str(folder), "--output", "json")
    report = json.loads((folder / "proof.json").read_text())
    assert (again.status, again.document["chains"]) == (0, report["chains"])
    assert len(registry.requests) == asked
    assert not (folder / "layout" / "blobs" / "sha256" / Digest.of(b"layer").hex).exists()


def test_an_evidence_folder_that_was_changed_proves_nothing(
    trusting: CommandLine, registry: FakeRegistry, history: GitHistory, tmp_path: Path
) -> None:
    folder = tmp_path / "proof"
    trusting.run("prove", *TRUST, *source(history), "--save", str(folder), f"{registry.host}/app:v1")
    commit = folder / "commits" / history.signed
    kept = commit.read_bytes()
    commit.write_bytes(kept + b"!")
    call = ["prove", *TRUST, "--from", str(folder)]
    assert (trusting.run(*call).status, "commit_malformed" in trusting.run(*call).out) == (1, True)
    commit.write_bytes(kept)
    assert trusting.run(*call).status == 0
    manifest = folder / "layout" / "blobs" / "sha256" / IMAGE.hex
    manifest.write_bytes(manifest.read_bytes() + b" ")
    assert trusting.run(*call, "--output", "json").document["error"]["code"] == "digest_mismatch"


def test_an_evidence_folder_without_commits_does_not_ask_for_them(
    trusting: CommandLine, registry: FakeRegistry, tmp_path: Path
) -> None:
    folder = str(tmp_path / "proof")
    assert trusting.run("prove", *TRUST, "--save", folder, f"{registry.host}/app:v1").status == 0
    outcome = trusting.run("prove", *TRUST, "--from", folder)
    assert (outcome.status, "no repository was named" in outcome.out) == (0, True)


def test_a_folder_in_use_is_not_overwritten(trusting: CommandLine, registry: FakeRegistry, tmp_path: Path) -> None:
    (tmp_path / "layout").mkdir()
    (tmp_path / "layout" / "file").touch()
    outcome = trusting.run("prove", *TRUST, "--save", str(tmp_path), "--output", "json", f"{registry.host}/app:v1")
    assert (outcome.status, outcome.document["error"]["code"]) == (2, "folder_in_use")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["registry.example/app"],
        [*TRUST],
        [*TRUST, "--config", __file__, "registry.example/app"],
        [*TRUST, "--allowed-signers", __file__, "registry.example/app"],
        [*TRUST, "--from", ".", "registry.example/app"],
    ],
)
def test_a_call_that_leaves_something_open_is_2(assay: CommandLine, words: list[str]) -> None:
    assert assay.run("prove", *words).status == 2


def test_a_configuration_names_whom_to_trust(assay: CommandLine, registry: FakeRegistry) -> None:
    assert assay.run("prove", "--config", __file__, f"{registry.host}/app:v1").status == 1
    assert assay.parts.calls[:2] == [("refresh_due", Path(__file__)), ("configuration", Path(__file__))]


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_root_that_could_not_be_refreshed_is_told(trusting: CommandLine, registry: FakeRegistry, output: str) -> None:
    trusting.parts.overdue = {"public_good": Unavailable("trust_refresh_failed", "no route", remedy="repeat")}
    call = ["prove", *TRUST, f"{registry.host}/app:v1", "--output", output]
    told = "public_good was not refreshed, the last one counts: no route"
    assert told in trusting.run(*call).out
    assert told not in trusting.run(*call, "--offline").out


def test_evidence_that_nobody_can_judge_now_is_3(trusting: CommandLine, registry: FakeRegistry) -> None:
    assert trusting.parts.trusted is not None
    trusting.parts.trusted = TrustSnapshot.of(
        trusting.parts.trusted.authorities, {}, unavailable={"private": "too old"}
    )
    report = trusting.run("prove", *TRUST, f"{registry.host}/app:v1", "--output", "json")
    (chain,) = report.document["chains"]
    broken = {link["code"] for link in chain["links"] if link["standing"] == "breaks"}
    assert (report.status, broken) == (3, {"trust_root_unavailable"})
    assert all(link["told"].endswith(")") and "()" not in link["told"] for link in chain["links"] if link["code"])


def test_an_evidence_folder_needs_no_refresh(trusting: CommandLine, registry: FakeRegistry, tmp_path: Path) -> None:
    folder = str(tmp_path / "proof")
    trusting.run("prove", *TRUST, "--save", folder, f"{registry.host}/app:v1")
    trusting.parts.calls.clear()
    (condition,) = trusting.run("prove", *TRUST, "--from", folder, "--output", "json").document["conditions"]
    assert condition.startswith("offline")
    assert "refresh_due" not in dict(trusting.parts.calls)
