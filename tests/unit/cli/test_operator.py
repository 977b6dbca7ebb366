"""The operator's commands: serve, keys, config."""

from pathlib import Path

import pytest

from assay.domain.errors import ConfigError
from tests.fakes.service import typed
from tests.unit.cli.conftest import CommandLine


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "assay.yaml"
    path.touch()
    return str(path)


def test_serve_reports_what_it_does(assay: CommandLine, file: str) -> None:
    outcome = assay.run("serve", "--config", file)
    assert (outcome.status, outcome.out) == (0, "service listens on http://127.0.0.1:8700\n")
    assert assay.run("sequencer", "--config", file).status == 0
    assert assay.parts.calls == [("serve", Path(file)), ("sequencer", Path(file))]


def test_a_configuration_that_is_missing_or_wrong_is_2(assay: CommandLine, file: str) -> None:
    assert assay.run("serve", "--config", "nowhere.yaml").status == 2
    assay.parts.error = typed(ConfigError, "configuration_invalid")
    assert assay.run("serve", "--config", file).status == 2
    assert assay.run("config", "check", file, "--output", "json").document["error"]["exit"] == 2


def test_a_usable_configuration_is_told_part_by_part(assay: CommandLine, file: str) -> None:
    outcome = assay.run("config", "check", file)
    assert (outcome.status, outcome.out) == (
        0,
        "trust          1 authorities, 1 keys\nthe configuration is usable\n",
    )
    told = assay.run("config", "check", file, "--output", "json").document
    assert told == {"usable": True, "parts": [{"part": "trust", "found": "1 authorities, 1 keys"}]}


def test_the_password_of_a_new_key_comes_from_the_environment(assay: CommandLine, tmp_path: Path) -> None:
    assay.monkeypatch.setenv("ASSAY_KEY_PASSWORD", "pa55")
    outcome = assay.run("keys", "generate", "--folder", str(tmp_path))
    assert assay.parts.calls == [("generate", (tmp_path, b"pa55"))]
    assert (outcome.status, str(tmp_path / "cosign.pub") in outcome.out) == (0, True)
    assert "pa55" not in outcome.out + outcome.err


def test_a_password_is_asked_for_when_there_is_none(assay: CommandLine, tmp_path: Path) -> None:
    assay.monkeypatch.setattr("click.prompt", lambda *_, **__: "typed")
    assay.run("keys", "generate", "--folder", str(tmp_path))
    assert assay.parts.calls == [("generate", (tmp_path, b"typed"))]
