"""Secrets in files."""

import os
from pathlib import Path

import pytest

from assay.adapters.secret.secret_file import SecretFiles
from assay.domain.errors import ConfigError, Unavailable

OLD, NEW = b"the old secret of a source", b"the new secret of a source"


def write(path: Path, octets: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(octets)
    path.chmod(mode)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "secret", OLD + b"\n")


def test_a_secret_is_its_file_without_the_end_of_the_line(file: Path) -> None:
    assert SecretFiles([file]).read() == (OLD,)


def test_during_a_rotation_two_secrets_count(file: Path) -> None:
    other = write(file.with_name("next"), NEW, 0o640)
    secrets = SecretFiles([file, other])
    assert secrets.read() == (OLD, NEW)
    file.unlink()
    assert secrets.read() == (NEW,)


def test_a_replaced_file_counts_at_once(file: Path) -> None:
    secrets = SecretFiles([file])
    write(file.with_name("fresh"), NEW).replace(file)
    assert secrets.read() == (NEW,)


def test_without_any_secret_nobody_is_known(file: Path) -> None:
    secrets = SecretFiles([file])
    file.chmod(0o604)
    with pytest.raises(Unavailable) as caught:
        secrets.read()
    assert caught.value.code == "secret_unavailable"
    file.chmod(0o600)
    assert secrets.read() == (OLD,)


@pytest.mark.parametrize(
    ("octets", "mode"),
    [
        (b"", 0o600),
        (b"x" * 15 + b"\n", 0o600),
        (b"x" * 1025, 0o600),
        (b"x" * 1025 + b"\n", 0o600),
        (b"x" * 16 + b"\n\n", 0o600),
        ("ä".encode() * 16, 0o600),
        (OLD, 0o604),
        (OLD, 0o602),
    ],
)
def test_what_is_no_secret_is_refused_at_the_start(file: Path, octets: bytes, mode: int) -> None:
    assert SecretFiles([file]).read()
    write(file, octets, mode)
    with pytest.raises(ConfigError) as caught:
        SecretFiles([file])
    assert caught.value.code == "secret_unusable"
    assert "ä" not in str(caught.value)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "missing", tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConfigError) as caught:
            SecretFiles([path])
        assert caught.value.code == "secret_unusable"
