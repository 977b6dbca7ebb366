"""The machine's own module proxy and certificates are used, and no others."""

from pathlib import Path

import pytest

from assay_builder.adapters.fetch.machine import go_settings, trusted_certificates


@pytest.fixture
def go(tmp_path: Path) -> str:
    """A folder with a go command that knows a default proxy."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "go"
    program.write_text("#!/bin/sh\n[ \"$1 $2\" = 'env GOPROXY' ] && echo https://default.example,direct\n")
    program.chmod(0o755)
    return str(folder)


def test_the_environment_wins_over_the_file_of_the_go_command(tmp_path: Path) -> None:
    (tmp_path / "go").mkdir()
    (tmp_path / "go" / "env").write_text("GOPROXY=https://file.example\nGOSUMDB=off\nGOFLAGS=-x\n")
    settings = go_settings({"XDG_CONFIG_HOME": str(tmp_path), "GOSUMDB": "sum.golang.org"})
    assert settings == {"GOPROXY": "https://file.example", "GOSUMDB": "sum.golang.org"}
    assert go_settings({"GOENV": "off", "GOPROXY": "https://a.example"}) == {"GOPROXY": "https://a.example"}


def test_without_a_setting_the_go_command_is_asked(go: str) -> None:
    assert go_settings({"GOENV": "off", "PATH": go}) == {"GOPROXY": "https://default.example,direct"}
    assert go_settings({"GOENV": "off", "PATH": go, "GOPROXY": "https://a.example"}) == {"GOPROXY": "https://a.example"}


def test_without_a_go_command_nothing_is_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay_builder.adapters.fetch.machine._USUAL_GO", str(tmp_path / "no-go"))
    assert go_settings({"GOENV": "off", "PATH": str(tmp_path)}) == {}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A file of certificates."""
    path = tmp_path / "certificates.pem"
    path.touch()
    return path


def test_the_certificates_of_the_system_are_trusted(bundle: Path) -> None:
    assert trusted_certificates({}, [bundle.with_name("absent"), bundle]) == bundle


def test_certificates_the_user_chose_for_every_program_come_first(bundle: Path) -> None:
    other = bundle.with_name("other.pem")
    other.touch()
    assert trusted_certificates({"SSL_CERT_FILE": str(bundle)}, [other]) == bundle


def test_certificates_the_user_chose_for_python_stay(bundle: Path) -> None:
    chosen = {"SSL_CERT_FILE": str(bundle), "REQUESTS_CA_BUNDLE": "/mine"}
    assert trusted_certificates(chosen, [bundle]) is None


def test_a_machine_without_certificates_changes_nothing() -> None:
    assert trusted_certificates({}, []) is None
