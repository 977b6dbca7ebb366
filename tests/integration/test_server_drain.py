"""What a web server does when it is told to end, while clients keep their connections alive."""

import contextlib
import http.client
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.web_server import PATIENCE, WebServer, ask, receive_all, web_server
from tests.fixtures.polling import eventually

CLIENTS = 4


@dataclass
class Load:
    """Clients that keep their connections and open another only when an answer told them to."""

    server: WebServer
    answers: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        client = self.server.client()
        while not self.stop.is_set():
            try:
                self.answers.append(ask(client, body=b"x" * 100))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            if client.sock is None:  # closed as the answer said
                client = self.server.client()
        client.close()

    def await_more(self, number: int = 50) -> None:
        seen = len(self.answers)
        eventually(lambda: len(self.answers) >= seen + number, "answers")


@contextmanager
def load(server: WebServer) -> Iterator[Load]:
    running = Load(server)
    threads = [threading.Thread(target=running.run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        running.await_more()
        yield running
    finally:
        running.stop.set()
        for thread in threads:
            thread.join()


def workers_of(process: subprocess.Popen[bytes]) -> set[int]:
    return {int(word) for word in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()}


def test_no_request_fails_while_a_server_is_replaced(tmp_path: Path) -> None:
    with web_server(tmp_path, tls=True, workers=2, lame_duck_seconds=8) as server, load(server) as running:
        old = server.processes[-1]
        server.start()
        running.await_more()
        old.send_signal(signal.SIGTERM)
        assert old.wait(PATIENCE) == 0
        running.await_more()
    assert running.failures == []
    assert any(answer["draining"] for answer in running.answers)


def test_no_request_fails_while_workers_are_replaced(tmp_path: Path) -> None:
    with web_server(tmp_path, tls=True, workers=2, lame_duck_seconds=8) as server, load(server) as running:
        eventually(lambda: len(workers_of(server.processes[0])) == 2, "two workers")
        before = workers_of(server.processes[0])
        for worker in before:
            os.kill(worker, signal.SIGTERM)
        eventually(lambda: not before & workers_of(server.processes[0]), "other workers")
        running.await_more()
    assert running.failures == []


def test_answers_of_a_server_that_ends_close_their_connections(tmp_path: Path) -> None:
    with web_server(tmp_path, lame_duck_seconds=60) as server:
        kept = server.client()
        assert ask(kept)["draining"] is False
        assert kept.sock is not None
        server.processes[0].send_signal(signal.SIGTERM)
        eventually(lambda: bool(server.ask()["draining"]), "the drain")
        assert ask(kept)["draining"] is True
        assert kept.sock is None
        server.processes[0].kill()  # its workers die with it; nobody waits for the end of the lame duck


def test_what_was_in_flight_when_the_end_was_told_closes_its_connection(tmp_path: Path) -> None:
    with web_server(tmp_path, lame_duck_seconds=60) as server, server.connect() as client:
        server.ask()
        client.sendall(b"GET /wait?%s HTTP/1.1\r\nHost: a\r\n\r\n" % bytes(tmp_path / "go"))
        server.ask()
        server.processes[0].send_signal(signal.SIGTERM)
        eventually(lambda: bool(server.ask()["draining"]), "the drain")
        (tmp_path / "go").touch()
        assert b"Connection: close" in client.recv(1000)
        server.processes[0].kill()


def test_a_request_in_flight_is_answered_after_the_lame_duck(tmp_path: Path) -> None:
    with web_server(tmp_path, lame_duck_seconds=0) as server, server.connect() as client:
        server.ask()
        client.sendall(b"GET /wait?%s HTTP/1.1\r\nHost: a\r\n\r\n" % bytes(tmp_path / "go"))
        half = server.connect()
        half.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n1")
        server.ask()
        server.processes[0].send_signal(signal.SIGTERM)
        eventually(lambda: refuses_to_be_asked(server), "the end of new connections")
        (tmp_path / "go").touch()
        half.sendall(b"23")
        assert b"200 OK" in client.recv(1000)
        assert b'"read": 3' in half.recv(1000)
        half.close()
        client.close()
        assert server.processes[0].wait(PATIENCE) == 0


def refuses_to_be_asked(server: WebServer) -> bool:
    """Whether nobody takes a new connection: it waits at the listening socket, which is the test's own."""
    with server.connect() as client:
        client.settimeout(0.5)
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        try:
            return client.recv(1) == b""
        except TimeoutError:
            return True


def test_an_idle_server_ends_at_once(tmp_path: Path) -> None:
    with web_server(tmp_path, lame_duck_seconds=0, graceful_seconds=300) as server:
        kept = server.client()
        ask(kept)
        server.processes[0].send_signal(signal.SIGTERM)
        assert server.processes[0].wait(PATIENCE) == 0
        kept.close()


def test_a_request_that_takes_too_long_does_not_keep_the_server(tmp_path: Path) -> None:
    with web_server(tmp_path, graceful_seconds=1) as server, server.connect() as client:
        server.ask()
        client.sendall(b"GET /wait?%s HTTP/1.1\r\nHost: a\r\n\r\n" % bytes(tmp_path / "never"))
        server.ask()
        server.processes[0].send_signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionResetError):
            assert receive_all(client) == b""
        assert server.processes[0].wait(PATIENCE) is not None
        (tmp_path / "never").touch()
