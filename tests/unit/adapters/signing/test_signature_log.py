"""One file, one signer, lines that are whole."""

import os
from pathlib import Path

import pytest

from assay.adapters.signing.signature_log import open_signature_log
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, Unavailable
from assay.domain.signing_rule import PermittedMessage
from tests.fakes.clock import FrozenClock

MESSAGE = PermittedMessage(digest=Digest.of(b"m"), kind="statement")


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught, open_signature_log(path):
        pass
    return caught.value.code


def test_lines_are_appended_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "signatures.log"
    for _ in range(2):
        with open_signature_log(path) as log:
            log.append(MESSAGE, key=Digest.of(b"k"), user=1, process=2, time=FrozenClock().now())
    assert len(path.read_text().splitlines()) == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_has_one_signer(tmp_path: Path) -> None:
    path = tmp_path / "signatures.log"
    with open_signature_log(path):
        assert refusal(path) == "signer_in_use"
    with open_signature_log(path):
        assert path.exists()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_log_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "signatures.log"
    path.touch()
    path.chmod(mode)
    assert refusal(path) == "signature_log_unusable"
    path.chmod(0o644)
    with open_signature_log(path):
        assert path.exists()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert refusal(tmp_path / "link") == "signature_log_unusable"
    assert refusal(tmp_path) == "signature_log_unusable"
    assert refusal(tmp_path / "nowhere" / "log") == "signature_log_unusable"
    assert refusal(Path("/dev/null")) == "signature_log_unusable"


def test_a_line_that_is_not_whole_is_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_signature_log(tmp_path / "signatures.log") as log:
        monkeypatch.setattr(os, "write", lambda _, octets: len(octets) - 1)
        with pytest.raises(Unavailable) as caught:
            log.append(MESSAGE, key=Digest.of(b"k"), user=1, process=2, time=FrozenClock().now())
    assert caught.value.code == "signature_log_unavailable"
