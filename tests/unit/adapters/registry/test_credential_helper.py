"""Programs that keep credentials."""

import json
import os
from functools import partial
from pathlib import Path

import pytest

from assay.adapters.registry.credential_helper import HelperProgram
from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable
from tests.fakes.oci import soon
from tests.fakes.program import write_program

ANSWER = '{"ServerURL":"x","Username":"ursula","Secret":"opensesame"}'


def get(folder: Path, deadline: Deadline | None = None, path: str = "") -> Credential | None:
    environment = {"PATH": path or f"relative:{folder}:/usr/bin:/bin", "GREETING": "hello"}
    return HelperProgram(environment=environment).get("vault", "docker.io", deadline or soon())


def failure(folder: Path, path: str = "") -> str:
    with pytest.raises(Unavailable) as caught:
        get(folder, path=path)
    assert caught.value.code == "registry_denied"
    assert "opensesame" not in str(caught.value)
    return caught.value.message


def test_a_helper_is_asked_for_the_server_with_exactly_its_environment(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    write_program(tmp_path, "docker-credential-vault", f"(echo $1; cat; env) > {seen}; echo '{ANSWER}'")
    credential = get(tmp_path)
    assert credential == Credential(username="ursula", secret="opensesame")
    lines = seen.read_text().splitlines()
    assert lines[0] == "get"
    assert lines[1].startswith("https://index.docker.io/v1/")
    assert any("GREETING=hello" in line for line in lines)
    assert not any(line.startswith("HOME=") for line in lines)


def test_what_a_helper_says_is_remembered_for_five_minutes(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_program(tmp_path, "docker-credential-vault", f"echo run >> {runs}; echo '{ANSWER}'")
    program = HelperProgram(environment={"PATH": str(tmp_path)})
    for registry, now in (("a.example", 0.0), ("a.example", 299.0), ("b.example", 299.0), ("a.example", 300.0)):
        assert program.get("vault", registry, Deadline(at=now + 10, clock=partial(float, now)))
    assert len(runs.read_text().splitlines()) == 3


def test_an_identity_token_is_known_by_its_user(tmp_path: Path) -> None:
    answer = json.dumps({"Username": "<token>", "Secret": "refresh"})
    write_program(tmp_path, "docker-credential-vault", f"echo '{answer}'")
    credential = get(tmp_path)
    assert credential is not None
    assert credential.identity_token


def test_a_helper_that_has_nothing_says_so(tmp_path: Path) -> None:
    write_program(tmp_path, "docker-credential-vault", "echo credentials not found in native keychain; exit 1")
    assert get(tmp_path) is None


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo opensesame; exit 1", "ended with an error"),
        ("echo opensesame", "no credential"),
        ('echo \'{"Username":"u"}\'', "no credential"),
        ("echo '[]'", "no credential"),
        ('echo \'{"Username":"u:u","Secret":"opensesame"}\'', "no credential"),
        ("head -c 300000 /dev/zero", "took too long"),
    ],
)
def test_a_helper_that_fails_is_unavailable_and_not_quoted(tmp_path: Path, script: str, why: str) -> None:
    write_program(tmp_path, "docker-credential-vault", script)
    assert why in failure(tmp_path)


def test_a_helper_that_stands_still_is_ended_at_the_deadline(tmp_path: Path) -> None:
    write_program(tmp_path, "docker-credential-vault", f"echo $$ > {tmp_path}/pid; exec sleep 600")
    with pytest.raises(Unavailable):
        get(tmp_path, soon(1))
    pid = (tmp_path / "pid").read_text().strip() if (tmp_path / "pid").exists() else ""
    assert not pid or not Path(f"/proc/{pid}").exists()


def test_a_helper_that_closes_its_output_and_stays_is_ended_too(tmp_path: Path) -> None:
    write_program(tmp_path, "docker-credential-vault", "exec sleep 600 >&-")
    with pytest.raises(Unavailable):
        get(tmp_path, soon(0.5))


def test_a_helper_that_does_not_exist_or_is_no_program_is_unavailable(tmp_path: Path) -> None:
    assert "no such program" in failure(tmp_path)
    (tmp_path / "docker-credential-vault").write_text("not executable")
    assert "no such program" in failure(tmp_path)
    broken = tmp_path / "docker-credential-vault"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o700)
    assert "cannot be started" in failure(tmp_path)


def test_a_relative_folder_of_path_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(tmp_path, "docker-credential-vault", f"echo '{ANSWER}'")
    monkeypatch.chdir(tmp_path)
    assert "no such program" in failure(tmp_path, path=f".{os.pathsep}")
