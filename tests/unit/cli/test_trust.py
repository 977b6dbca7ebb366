"""`assay trust`: what is shown, refreshed and checked, and how the commands end."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assay.bootstrap.composition import SystemComposition
from assay.cli.application import application
from assay.cli.outcome import exit_code_of_error
from assay.domain.errors import ConfigError
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.tuf_repository import FakeTuf
from tests.unit.configuration.test_reader import GOOD
from tests.unit.configuration.test_trust import AUTHORITIES, KEYLESS


def run(*arguments: object, command: str = "show") -> Result:
    words = ["trust", command, *(str(argument) for argument in arguments)]
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


OWN = "{tuf: {url: URL, root: root.json}, profile: {log_entries: 1, scts: 1, timestamps: 0}}"


@dataclass
class Installed:
    """A configuration whose trust root `public` comes from a served repository."""

    repository: FakeTuf
    file: Path

    def text(self, command: str, *arguments: object) -> tuple[int, str]:
        result = run("--config", self.file, *arguments, command=command)
        return result.exit_code, result.output

    def document(self, command: str, *arguments: object) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.text(command, *arguments, "--output", "json")[1])
        return parsed


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    repository = FakeTuf()
    repository.put("trusted_root.json", FakeSigstore().trusted_root())
    (tmp_path / "root.json").write_bytes(repository.bootstrap)
    with repository.serve() as url:
        text = GOOD.replace(AUTHORITIES, KEYLESS.replace("{public_good: true}", OWN.replace("URL", url)))
        (tmp_path / "assay.yaml").write_text(text)
        yield Installed(repository=repository, file=tmp_path / "assay.yaml")


def test_a_refresh_tells_what_was_there_before_and_what_is_there_now(installed: Installed) -> None:
    status, text = installed.text("refresh")
    assert status == 0
    assert text.startswith("public  changed  sha256:")
    assert "before  nothing\n" in text
    assert "after   root 1, timestamp 2, snapshot 2, targets 2; confirmed at " in text
    installed.repository.advance("timestamp")
    told = installed.document("refresh")["public"]
    assert told["changed"] is False
    assert (told["before"]["versions"]["timestamp"], told["after"]["versions"]["timestamp"]) == (2, 3)
    assert "before  root 1, timestamp 3" in installed.text("refresh")[1]


def test_a_first_refresh_has_nothing_before_it(installed: Installed) -> None:
    assert installed.document("refresh")["public"]["before"] is None


def test_a_refresh_that_fails_ends_with_3_and_one_that_is_refused_with_1(installed: Installed) -> None:
    installed.repository.status = 503
    status, text = installed.text("refresh")
    assert (status, "NOT REFRESHED  trust_refresh_failed" in text) == (3, True)
    installed.repository.status = 200
    installed.repository.expire("timestamp")
    assert installed.text("refresh")[0] == 1
    assert installed.document("refresh")["public"]["error"]["code"] == "trust_refresh_refused"


def test_without_a_repository_there_is_nothing_to_refresh(tmp_path: Path) -> None:
    file = tmp_path / "assay.yaml"
    file.write_text(GOOD.replace(AUTHORITIES, KEYLESS))
    result = run("--config", file, command="refresh")
    assert (result.exit_code, result.output) == (0, "no trust root comes from a repository\n")


def test_what_was_refreshed_is_shown_with_its_origin(installed: Installed) -> None:
    assert "public  not available: nothing was fetched from " in installed.text("show")[1]
    assert installed.document("show")["public"]["unavailable"]
    installed.text("refresh")
    text = installed.text("show")[1]
    assert "  from     tuf: http://127.0.0.1:" in text
    assert "root 1, timestamp 2" in text
    told = installed.document("show")["public"]
    assert (told["source"], told["unavailable"], told["versions"]["root"]) == ("tuf", "", 1)
    assert told["fetched_at"] < told["trusted_until"]


def test_a_check_ends_with_1_when_something_needs_somebody_and_else_with_0(installed: Installed) -> None:
    status, text = installed.text("check")
    assert status == 1
    assert "trust_roots.public: nothing was fetched" in text
    assert "authorities.ci: the trust root public is not available" in text
    assert len(installed.document("check")["findings"]) == 2
    installed.text("refresh")
    assert installed.text("check") == (0, "every trust root is there, fresh and of use\n")
    assert installed.document("check") == {"findings": []}


def test_a_check_of_files_that_cannot_be_used_is_a_mistake_of_the_configuration(installed: Installed) -> None:
    installed.text("refresh")
    (published,) = installed.file.parent.rglob("published.json")
    published.write_bytes(b"{}")
    result = run("--config", installed.file, command="check")
    assert isinstance(result.exception, ConfigError)
    assert exit_code_of_error(result.exception) == 2


def test_the_shipped_root_serves_a_first_start_and_ages(tmp_path: Path) -> None:
    file = tmp_path / "assay.yaml"
    text = KEYLESS.replace("{public_good: true}", "{tuf: {public_good: true, max_age_hours: 87600}}")
    file.write_text(GOOD.replace(AUTHORITIES, text))
    told = json.loads(run("--config", file, "--output", "json").output)["public"]
    assert (told["source"], told["fetched_at"]) == ("shipped", "2026-11-21T00:00:00+00:00")
    assert told["digest"] == json.loads(run("--output", "json").output)["public_good"]["digest"]
