"""`assay tree`, `triangulate`, `copy` and `attach sbom`: what is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from tests.fakes.engine import good_bundles, publish
from tests.fakes.oci import LayoutFolder, image, index, put_image, rendered
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority
from tests.unit.cli.conftest import CommandLine

IMAGE = Digest.of(image())


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        publish(fake, "app", good_bundles(FakeAuthority(), IMAGE))
        fake.put_manifest("app", index(rendered(OCI_MANIFEST, image())), OCI_INDEX, tag="multi")
        yield fake


@pytest.fixture
def key(tmp_path: Path) -> str:
    file = tmp_path / "release.pub"
    file.touch()
    return str(file)


@pytest.fixture
def document(tmp_path: Path) -> str:
    file = tmp_path / "sbom.json"
    file.write_text('{"spdxVersion":"SPDX-2.3"}')
    return str(file)


def test_without_a_signer_nothing_is_verified(assay: CommandLine, registry: FakeRegistry) -> None:
    outcome = assay.run("tree", f"{registry.host}/app:v1")
    assert outcome.status == 0
    assert outcome.out.startswith(f"{registry.host}/app:v1@{IMAGE}\n")
    assert "not verified" in outcome.out
    assert "proven" not in outcome.out


def test_with_a_key_everything_is_proven_or_refused(
    assay: CommandLine, registry: FakeRegistry, key: str, document: str
) -> None:
    assert assay.run("attach", "sbom", "--sbom", document, f"{registry.host}/app:v1").status == 0
    verified = assay.run("verify", "--key", key, f"{registry.host}/app:v1")
    assert (verified.status, "unsigned: nobody signed this application/spdx+json" in verified.out) == (0, True)
    told = assay.run("tree", "--key", key, f"{registry.host}/app:v1").out
    assert "proven: image signature by release" in told
    assert "unsigned: nobody signed this application/spdx+json" in told
    report = assay.run("tree", "--key", key, "--output", "json", f"{registry.host}/app:v1").document
    (manifest,) = report["manifests"]
    proven = {entry["type"]: entry["verified"] for entry in manifest["attached"]}
    assert proven["application/spdx+json"] is False
    assert set(proven.values()) == {True, False}


def test_the_authorities_of_a_configuration_verify_too(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    assert "proven: image signature" in assay.run("tree", "--config", key, f"{registry.host}/app:v1").out
    assert assay.run("tree", "--config", key, "--key", key, f"{registry.host}/app:v1").status == 2
    assert assay.run("tree", "--trusted-root", key, f"{registry.host}/app:v1").status == 2


@pytest.mark.parametrize("output", ["text", "json"])
def test_trust_roots_that_are_due_are_refreshed_unless_offline(
    assay: CommandLine, registry: FakeRegistry, key: str, output: str
) -> None:
    assay.parts.overdue = {"public_good": Unavailable("trust_refresh_failed", "no route", remedy="repeat")}
    call = ["tree", "--config", key, f"{registry.host}/app:v1", "--output", output]
    assert "public_good was not refreshed, the last one counts: no route" in assay.run(*call).out
    assert "offline: no trust root was refreshed" in assay.run(*call, "--offline").out
    assert [name for name, _ in assay.parts.calls].count("refresh_due") == 1


def test_an_index_comes_before_what_it_lists(assay: CommandLine, registry: FakeRegistry) -> None:
    report = assay.run("tree", "--output", "json", f"{registry.host}/app:multi").document
    assert [entry["media_type"] for entry in report["manifests"]] == [OCI_INDEX, OCI_MANIFEST]
    assert "nothing is attached" in assay.run("tree", f"{registry.host}/app:multi").out


def test_the_places_of_evidence_are_told(assay: CommandLine, registry: FakeRegistry) -> None:
    places = assay.run("triangulate", "--output", "json", f"{registry.host}/app:v1").document
    name = f"{registry.host}/app:sha256-{IMAGE.hex}"
    assert (places["fallback"], places["sig"], places["referrers"]) == (
        name,
        f"{name}.sig",
        f"/v2/app/referrers/{IMAGE}",
    )
    assert f"sbom       {name}.sbom" in assay.run("triangulate", f"{registry.host}/app:v1").out


def test_an_image_is_copied_with_what_speaks_about_it(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    outcome = assay.run("copy", f"{registry.host}/app:v1", f"{registry.host}/mirror:v2")
    assert (outcome.status, outcome.out.splitlines()[0]) == (0, f"COPIED  {registry.host}/mirror:v2@{IMAGE}")
    assert assay.run("verify", "--key", key, f"{registry.host}/mirror:v2").status == 0
    again = assay.run("copy", f"{registry.host}/app:v1", f"{registry.host}/other@{IMAGE}", "--output", "json").document
    assert (len(again["manifests"]), again["tags"]) == (4, [])


def test_a_copy_does_not_get_another_digest(assay: CommandLine, registry: FakeRegistry) -> None:
    wrong = f"{registry.host}/mirror@{Digest.of(b'other')}"
    assert assay.run("copy", f"{registry.host}/app:v1", wrong).status == 2


def test_an_sbom_without_a_signature_is_no_evidence(
    assay: CommandLine, tmp_path: Path, key: str, document: str
) -> None:
    put_image(LayoutFolder(folder=tmp_path / "layout"), "")
    assay.parts.digest = IMAGE
    layout = ["--layout", str(tmp_path / "layout")]
    told = assay.run("attach", "sbom", "--sbom", document, *layout, "--output", "json").document
    assert (told["type"], told["signed"]) == ("application/spdx+json", False)
    assert "unsigned: it is no evidence" in assay.run("attach", "sbom", "--sbom", document, *layout).out


def test_a_document_that_is_no_sbom_is_refused(assay: CommandLine, registry: FakeRegistry, document: str) -> None:
    call = ["attach", "sbom", "--sbom", document, f"{registry.host}/app:v1", "--output", "json"]
    for text in ("{}", "[]", "{"):
        Path(document).write_text(text)
        assert assay.run(*call).document["error"]["code"] == "sbom_unsupported"
    Path(document).write_text('{"bomFormat":"CycloneDX"}')
    assert assay.run(*call).document["type"] == "application/vnd.cyclonedx+json"
