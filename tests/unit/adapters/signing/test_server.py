"""The signer process: who may call, what is signed, what is logged, and what happens when somebody dies."""

import json
import logging
import os
import socket
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from assay.adapters.signing.client import SocketSigner
from assay.adapters.signing.server import listen_for_callers
from assay.adapters.signing.wire import LARGEST_MESSAGE, Answer, render_answer
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, ConfigError, InvalidInput, Unavailable
from assay.domain.identity import PublicKey
from assay.usecases.checked_signer import CheckedSigner
from tests.fakes.clock import FrozenClock
from tests.fakes.service import typed
from tests.fakes.signer_process import IMAGE, provenance_message, running_signer, statement_message
from tests.fakes.signing import FakeAuthority
from tests.fakes.socket_peer import listening

MESSAGE = statement_message()
KEY = FakeAuthority().public_key()


def client(path: Path, seconds: float = 60) -> SocketSigner:
    return SocketSigner(path, clock=time.monotonic, seconds=seconds)


def refusal(path: Path, message: bytes = MESSAGE) -> AssayError:
    with pytest.raises(AssayError) as caught:
        client(path).sign(message)
    return caught.value


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "signatures.log").read_text().splitlines()]


def test_an_allowed_message_is_signed_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with running_signer(tmp_path) as path:
        assert CheckedSigner(client(path)).sign(MESSAGE)
        assert client(path).public_key() == KEY
    assert lines(tmp_path) == [
        {
            "time": "2026-11-21T12:00:00+00:00",
            "user": os.geteuid(),
            "process": os.getpid(),
            "key": str(KEY.key_id),
            "message": str(Digest.of(MESSAGE)),
            "kind": "statement",
            "predicate_type": "https://sigstore.dev/cosign/sign/v1",
            "builder": "",
            "subjects": [str(IMAGE)],
        }
    ]
    assert (tmp_path / "signatures.log").read_text().strip() in caplog.text


@pytest.mark.parametrize(
    "message", [Digest.of(b"a bare digest").octets, provenance_message("https://builder.test/other"), b""]
)
def test_what_is_not_allowed_is_neither_signed_nor_logged(tmp_path: Path, message: bytes) -> None:
    with running_signer(tmp_path) as path:
        error = refusal(path, message)
        assert (error.code, type(error)) == ("signing_refused", InvalidInput)
        assert lines(tmp_path) == []
        assert client(path).sign(provenance_message())
    assert len(lines(tmp_path)) == 1


def test_another_user_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with running_signer(tmp_path, callers=frozenset({os.geteuid() + 1})) as path:
        assert refusal(path).code == "signer_caller_refused"
        assert refusal(path, MESSAGE[:8] + b"x" * LARGEST_MESSAGE.bit_length()).code == "signer_caller_refused"


def test_a_message_that_is_too_large_is_not_sent(tmp_path: Path) -> None:
    with running_signer(tmp_path) as path:
        assert refusal(path, b"x" * (LARGEST_MESSAGE + 1)).code == "message_too_large"


class Failing(FakeAuthority):
    """A signer whose key is out of reach."""

    def sign(self, message: bytes) -> bytes:
        assert message == MESSAGE
        raise typed(Unavailable, "kms_unavailable")


def test_a_key_that_cannot_be_reached_is_told_as_it_is(tmp_path: Path) -> None:
    with running_signer(tmp_path, signer=Failing()) as path:
        error = refusal(path)
        assert (error.code, error.retryable, lines(tmp_path)) == ("kms_unavailable", True, [])


def test_a_signature_that_cannot_be_logged_is_not_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with running_signer(tmp_path) as path:
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", fail)
            assert refusal(path).code == "signature_log_unavailable"
        assert client(path).sign(MESSAGE)


def exchange(path: Path, octets: bytes, *, close: bool = True) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect(str(path))
        connection.sendall(octets)
        if close:
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):  # it closed without reading everything
            return connection.recv(65536)
    return b""


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"kind":"sign"}',
        b'{"kind":"sign","message":1}',
        b'{"kind":"sign","message":"!"}',
        b'{"kind":"sign","digest":"AAAA"}',
        b'{"kind":"seal"}',
        b'{"kind":"public key","message":""}',
        b'{"kind":"public key","kind":"sign"}',
    ],
)
def test_a_question_that_is_cut_off_or_none_is_refused(tmp_path: Path, octets: bytes) -> None:
    with running_signer(tmp_path) as path:
        assert json.loads(exchange(path, octets))["code"] == "question_malformed"
        assert b"public_key" in exchange(path, b'{"kind":"public key"}')


def test_a_caller_that_says_nothing_is_left_at_the_deadline(tmp_path: Path) -> None:
    with running_signer(tmp_path, clock=Hurried()) as path:
        assert exchange(path, b"{", close=False) == b""


class Hurried(FrozenClock):
    """A clock on which every look is 40 seconds later."""

    def monotonic(self) -> float:
        self.seconds += 40
        return self.seconds


def test_more_callers_than_there_are_places_are_turned_away(tmp_path: Path) -> None:
    with running_signer(tmp_path) as path:
        held = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(16)]
        try:
            for connection in held:
                connection.connect(str(path))
            assert refusal(path).code == "signer_unavailable"
        finally:
            for connection in held:
                connection.close()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                assert client(path).sign(MESSAGE)
                break
            except Unavailable:  # the places are given back when the signer has noticed
                threading.Event().wait(0.05)
        else:
            pytest.fail("no place was given back")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b'{"kind":"answer"}',
        b'{"kind":"answer","public_key":"","signature":"","more":1}',
        render_answer(Answer(public_key=b"no key", signature=b"")),
    ],
)
def test_a_signer_that_dies_or_talks_nonsense_is_unavailable(tmp_path: Path, answer: bytes) -> None:
    def speak(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with listening(tmp_path / "signer.sock", speak):
        assert refusal(tmp_path / "signer.sock").code == "signer_unavailable"


def test_a_signer_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.sock").code == "signer_unavailable"


def test_a_signer_that_changes_its_key_is_refused(tmp_path: Path) -> None:
    keys = [KEY, FakeAuthority("other").public_key()]

    def speak(connection: socket.socket) -> None:
        connection.recv(65536)
        key: PublicKey = keys.pop(0)
        connection.sendall(render_answer(Answer(public_key=key.spki, signature=b"s")))

    with listening(tmp_path / "signer.sock", speak, speak):
        assert refusal(tmp_path / "signer.sock").code == "signer_unavailable"


def test_the_socket_is_its_owners_or_the_groups(tmp_path: Path) -> None:
    with listen_for_callers(tmp_path / "a.sock", group=None):
        assert stat.S_IMODE((tmp_path / "a.sock").stat().st_mode) == 0o600
    with listen_for_callers(tmp_path / "a.sock", group=os.getegid()):
        assert stat.S_IMODE((tmp_path / "a.sock").stat().st_mode) == 0o660
    assert not (tmp_path / "a.sock").exists()


def test_a_dead_signers_socket_is_replaced_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with listen_for_callers(path, group=None), pytest.raises(ConfigError) as caught:  # noqa: SIM117
        with listen_for_callers(path, group=None):
            pass
    assert caught.value.code == "signer_in_use"


@pytest.mark.parametrize("place", ["a-file", "nowhere/a.sock"])
def test_a_place_where_nobody_can_listen_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "a-file").write_text("mine")
    with pytest.raises(ConfigError) as caught, listen_for_callers(tmp_path / place, group=None):
        pass
    assert caught.value.code == "signer_socket_unusable"
    assert (tmp_path / "a-file").read_text() == "mine"
