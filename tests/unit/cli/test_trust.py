"""`assay trust show`."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from assay.bootstrap.composition import SystemComposition
from assay.cli.application import application
from tests.fakes.sigstore import FakeSigstore
from tests.unit.configuration.test_reader import GOOD
from tests.unit.configuration.test_trust import AUTHORITIES, KEYLESS


def run(*arguments: object) -> Result:
    words = ["trust", "show", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(application, words, obj=SystemComposition())


def test_the_public_good_root_is_shown_with_its_windows() -> None:
    result = run()
    assert result.exit_code == 0
    assert result.output.startswith("public_good  sha256:")
    assert "log_entries 1, scts 1, timestamps 0" in result.output
    assert "2025-09-23T00:00:00+00:00 to further notice" in result.output
    assert "https://log2025-1.rekor.sigstore.dev (v2)" in result.output


def test_a_file_is_shown_with_its_warnings(tmp_path: Path) -> None:
    world = FakeSigstore()
    file = tmp_path / "root.json"
    file.write_bytes(world.trusted_root())
    document = json.loads(run("--trusted-root", file, "--output", "json").output)["root.json"]
    kinds = [party["kind"] for party in document["parties"]]
    assert kinds == ["certificate authority", "log", "log", "certificate log", "timestamp authority"]
    assert document["warnings"] == []
    assert document["parties"][0]["end"] == ""
    asset = Path(__file__).parents[2] / "assets/signatures/sigstore-python/trusted_root/trustedroot.v1.json"
    assert "  warning  " in run("--trusted-root", asset).output


def test_the_roots_of_a_configuration_are_shown(tmp_path: Path) -> None:
    file = tmp_path / "assay.yaml"
    file.write_text(GOOD.replace(AUTHORITIES, KEYLESS))
    assert run("--config", file).output.startswith("public  sha256:")
    assert run("--config", file, "--trusted-root", file).exit_code == 2


def test_a_file_that_is_no_root_is_named(tmp_path: Path) -> None:
    file = tmp_path / "root.json"
    file.write_text("{}")
    result = run("--trusted-root", file)
    assert result.exit_code != 0
    assert "root.json" in str(result.exception)
