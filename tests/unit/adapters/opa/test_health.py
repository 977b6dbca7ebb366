"""The supervisor's view of OPA: healthy only when it says so in time."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.adapters.opa.health import is_healthy


@contextmanager
def answering(path: Path, answer: bytes | None) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        done = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1024)
                if answer is None:
                    done.wait(5)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "healthy"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n{}", True),
        (b"HTTP/1.0 500 Internal Server Error\r\n\r\n{}", False),
        (b"", False),
        (b"200\r\n", False),
        (None, False),
    ],
)
def test_only_the_status_200_in_time_is_health(tmp_path: Path, answer: bytes | None, healthy: bool) -> None:  # noqa: FBT001
    path = tmp_path / "opa.sock"
    with answering(path, answer):
        assert is_healthy(path) is healthy


def test_a_socket_that_is_not_there_is_no_health(tmp_path: Path) -> None:
    assert not is_healthy(tmp_path / "opa.sock")
