"""The operator's commands: serve, keys, config."""

from pathlib import Path

import pytest

from assay.domain.errors import ConfigError
from assay.domain.key_kind import KeyKind
from assay.formats.base64text import encode_base64
from assay.formats.public_key import render_public_key
from tests.fakes.service import typed
from tests.fakes.signing import FakeAuthority
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
    assert assay.parts.calls == [("generate", (tmp_path, b"pa55", KeyKind.ECDSA_P256))]
    assert (outcome.status, str(tmp_path / "cosign.pub") in outcome.out) == (0, True)
    assert "pa55" not in outcome.out + outcome.err


def test_a_password_is_asked_for_when_there_is_none(assay: CommandLine, tmp_path: Path) -> None:
    assay.monkeypatch.setattr("click.prompt", lambda *_, **__: "typed")
    assay.run("keys", "generate", "--folder", str(tmp_path))
    assert assay.parts.calls == [("generate", (tmp_path, b"typed", KeyKind.ECDSA_P256))]


def test_the_kind_of_a_new_key_can_be_chosen(assay: CommandLine, tmp_path: Path) -> None:
    assay.monkeypatch.setenv("ASSAY_KEY_PASSWORD", "")
    assert assay.run("keys", "generate", "--folder", str(tmp_path), "--kind", "ed25519").status == 0
    assert assay.parts.calls == [("generate", (tmp_path, b"", KeyKind.ED25519))]
    assert assay.run("keys", "generate", "--kind", "dsa").status == 2


def test_a_key_is_shown_by_its_id_algorithm_and_public_half(assay: CommandLine) -> None:
    assay.monkeypatch.setenv("ASSAY_KEY_PASSWORD", "pa55")
    shown = assay.run("keys", "show", "hashivault://release", "--output", "json").document
    key = FakeAuthority().public_key()
    assert shown == {
        "key_id": key.key_id.text,
        "algorithm": "ecdsa-sha2-256-nistp256",
        "hint": encode_base64(key.key_id.octets),
        "public_key": render_public_key(key).decode(),
    }
    text = assay.run("keys", "show", "hashivault://release").out
    assert f"key_id     {key.key_id}\n" in text
    assert assay.parts.calls[0] == ("public key", ("hashivault://release", b"pa55"))


def test_the_public_half_of_a_file_is_printed(assay: CommandLine, file: str) -> None:
    assay.monkeypatch.setattr("click.prompt", lambda *_, **__: "typed")
    outcome = assay.run("keys", "public", file)
    assert outcome.out == render_public_key(FakeAuthority().public_key()).decode()
    assert assay.parts.calls == [("public key", (file, b"typed"))]


@pytest.mark.parametrize("key", ["nowhere.key", "awskms://nowhere", "unknown://x"])
def test_a_key_that_is_neither_file_nor_uri_is_2(assay: CommandLine, key: str) -> None:
    assert assay.run("keys", "show", key).status == 2
    assert assay.parts.calls == []


def test_a_signer_process_reports_where_it_listens(assay: CommandLine, file: str) -> None:
    outcome = assay.run("signer", "serve", "--config", file)
    assert (outcome.status, outcome.out) == (0, "signer listens on unix:signer.sock\n")
    assert assay.parts.calls == [("signer", Path(file))]
