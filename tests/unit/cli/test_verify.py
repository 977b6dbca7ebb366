"""`assay verify`: whom to trust, what to read, how it ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.adapters.registry.layout import OciLayout
from assay.domain.digest import Digest
from assay.domain.limit import Limits
from tests.fakes.engine import good_bundles, publish
from tests.fakes.oci import CONFIG, LayoutFolder, image, put_bundle, put_image
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority
from tests.unit.cli.conftest import CommandLine

IMAGE = Digest.of(image())
GOOD = good_bundles(FakeAuthority(), IMAGE)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        publish(fake, "app", GOOD)
        publish(fake, "bare", {})
        yield fake


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A key file that stands for the authority of its name."""
    file = tmp_path / "release.pub"
    file.touch()
    return str(file)


def test_a_signed_image_is_0_and_each_claim_is_told(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    outcome = assay.run("verify", "--key", key, f"{registry.host}/app:v1")
    assert outcome.status == 0
    assert outcome.out.startswith(f"VERIFIED  {registry.host}/app:v1@{IMAGE}\n")
    assert "verified      signature by release (key " in outcome.out
    assert "attestation https://slsa.dev/provenance/v1 by release" in outcome.out


def test_json_is_one_document(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    document = assay.run("verify", "--key", key, f"{registry.host}/app:v1", "--output", "json").document
    assert (document["verified"], document["digest"], document["gaps"]) == (True, IMAGE.text, [])
    assert {claim["type"] for claim in document["claims"]} == {"signature", "attestation"}


def test_an_image_nobody_signed_is_1(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    outcome = assay.run("verify", "--key", key, f"{registry.host}/bare:v1")
    assert (outcome.status, outcome.out.startswith("NOT VERIFIED")) == (1, True)
    assert "signature: absent" in outcome.out
    registry.faults[f"/v2/bare/blobs/{Digest.of(CONFIG)}"] = Fault(status=500)
    assert assay.run("verify", "--key", key, f"{registry.host}/bare:v1").status == 1


def test_evidence_that_could_not_be_asked_for_is_3(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    registry.faults[f"/v2/app/referrers/{IMAGE}"] = Fault(status=500)
    assert assay.run("verify", "--key", key, f"{registry.host}/app:v1").status == 3
    registry.faults["/v2/app/manifests/v1"] = Fault(status=500)
    outcome = assay.run("verify", "--key", key, f"{registry.host}/app:v1", "--output", "json")
    assert (outcome.status, outcome.document["error"]["code"]) == (3, "registry_unavailable")


def test_a_layout_is_read_instead_of_a_registry(assay: CommandLine, tmp_path: Path, key: str) -> None:
    folder = LayoutFolder(folder=tmp_path / "layout")
    put_image(folder, "")
    for bundle in GOOD.values():
        put_bundle(folder, "", image(), bundle)
    assay.parts.source = OciLayout.open(tmp_path, "layout", limits=Limits())
    assay.parts.digest = IMAGE
    alone = assay.run("verify", "--key", key, "--layout", str(tmp_path / "layout"))
    named = assay.run("verify", "--key", key, "--layout", str(tmp_path / "layout"), f"any.example/x@{IMAGE}")
    assert (alone.status, named.status) == (0, 0)
    assert f"any.example/x@{IMAGE}" in named.out


def test_the_authorities_of_a_configuration_can_be_trusted(
    assay: CommandLine, registry: FakeRegistry, key: str
) -> None:
    assert assay.run("verify", "--config", key, f"{registry.host}/app:v1").status == 0
    assert assay.parts.calls[0] == ("configuration", Path(key))


@pytest.mark.parametrize("options", [[], ["--key", "KEY", "--config", "KEY"], ["--key", "KEY"]])
def test_whom_to_trust_and_what_to_read_must_be_said_once(assay: CommandLine, key: str, options: list[str]) -> None:
    image_or_none = [] if options == ["--key", "KEY"] else ["registry.example/app"]
    words = [key if word == "KEY" else word for word in options]
    assert assay.run("verify", *words, *image_or_none).status == 2


def test_registry_options_reach_the_registry(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    assay.run("verify", "--key", key, "--plain-http", "a:1", "--registry-ca", key, f"{registry.host}/app:v1")
    assert ("registry", (("a:1",), Path(key))) in assay.parts.calls
