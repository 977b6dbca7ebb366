"""Tests run where nothing but loopback can be reached: in this process, and in every process below it."""

import errno
import socket
import subprocess
import sys

import pytest

from scripts.confined import PROMISE, confined, main

_BEYOND = ("192.0.2.1", 80)  # RFC 5737: belongs to nobody
_TRY_TO_LEAVE = f"import socket; print(socket.socket().connect_ex({_BEYOND!r}))"
_USE_LOOPBACK = (
    "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()); print('in')"
)


def _run_confined(*command: str) -> str:
    result = subprocess.run(confined(command), capture_output=True, check=True, text=True, timeout=60)
    return result.stdout.strip()


def test_this_process_cannot_connect_beyond_loopback() -> None:
    with socket.socket() as untried, pytest.raises(OSError) as refusal:  # noqa: PT011 - its number is what is asserted
        untried.connect(_BEYOND)
    assert refusal.value.errno == errno.ENETUNREACH


def test_this_process_cannot_send_beyond_loopback() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as untried, pytest.raises(OSError) as refusal:  # noqa: PT011 - its number is what is asserted
        untried.sendto(b"", _BEYOND)
    assert refusal.value.errno == errno.ENETUNREACH


def test_this_process_cannot_resolve_names() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("registry.example", 443)


def test_this_process_can_use_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_a_confined_program_has_no_way_beyond_loopback() -> None:
    assert _run_confined(sys.executable, "-c", _TRY_TO_LEAVE) == str(errno.ENETUNREACH)


def test_a_confined_program_can_use_loopback() -> None:
    assert _run_confined(sys.executable, "-W", "ignore", "-c", _USE_LOOPBACK) == "in"


def test_a_confined_program_can_still_make_a_sandbox() -> None:
    mounts = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    assert _run_confined("bwrap", "--unshare-all", *mounts, "echo", "nested") == "nested"


def test_a_confined_program_knows_what_it_was_promised() -> None:
    assert _run_confined("printenv", PROMISE) == "loopback"


def test_the_exit_status_is_that_of_the_confined_program() -> None:
    assert main(["sh", "-c", "exit 7"]) == 7


def test_no_command_is_a_usage_error() -> None:
    assert main([]) == 2


def test_a_machine_without_bubblewrap_is_told_to_set_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["true"]) == 1
    assert "run ./setup" in capsys.readouterr().err
