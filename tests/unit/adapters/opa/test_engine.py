"""The client of the engine, against servers that misbehave."""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from assay.adapters.opa.engine import OpaEngine
from assay.adapters.opa.generation import Generation
from assay.domain.decision import Stage
from assay.domain.errors import InvalidInput, Unavailable
from tests.fakes.policy import evidence_facts, good_claims
from tests.fakes.socket_peer import listening
from tests.fixtures.engines import generation, within


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    return generation(tmp_path_factory.mktemp("state"))


@contextlib.contextmanager
def server(*answers: bytes) -> Iterator[tuple[Path, list[bytes]]]:
    """Answers one request on each connection with the next of these bytes; none closes the connection."""
    pending = list(answers)
    asked: list[bytes] = []

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline())
            length = 0
            while (line := self.rfile.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            self.rfile.read(length)
            self.wfile.write(pending.pop(0))

    with TemporaryDirectory(prefix="opa-") as folder:
        path = Path(folder) / "opa.sock"
        with socketserver.ThreadingUnixStreamServer(str(path), Connection) as running:
            thread = threading.Thread(target=running.serve_forever, args=(0.01,))
            thread.start()
            yield path, asked
            running.shutdown()
            thread.join()


def listening_once(script: Callable[[socket.socket], object]) -> contextlib.AbstractContextManager[Path]:
    """A peer that reads what fits into one read and then does as the script says."""

    @contextlib.contextmanager
    def served_once() -> Iterator[Path]:
        with TemporaryDirectory(prefix="opa-") as folder:
            path = Path(folder) / "opa.sock"
            with listening(path, lambda peer: (peer.recv(1_000_000), script(peer))):
                yield path

    return served_once()


def trickle(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    with contextlib.suppress(OSError):
        while True:
            peer.sendall(b" ")
            time.sleep(0.05)


def flood(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{")
    with contextlib.suppress(OSError):
        while True:
            peer.sendall(b" " * 1_000_000)


def response(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def ask(path: Path, served: Generation) -> object:
    engine = OpaEngine(path, served)
    try:
        return engine.query(Stage.EVIDENCE, evidence_facts(*good_claims()).document, within(2))
    finally:
        engine.close()


def test_the_result_is_what_is_below_result(served: Generation) -> None:
    with server(response(b'{"result": {"allow": true}}')) as (path, asked):
        assert ask(path, served) == {"allow": True}
    assert asked == [b"POST /v1/data/assay/main/evidence?strict-builtin-errors=true HTTP/1.1\r\n"]


@pytest.mark.parametrize(
    "answer",
    [
        response(b"{}"),
        response(b"[]"),
        response(b"no json"),
        response(b"[" * 100_000),
        response(b'{"code": "internal_error"}', "500 Internal Server Error"),
        response(b"{}", "401 Unauthorized"),
        response(b"{}", "404 Not Found"),
    ],
)
def test_an_answer_without_result_proves_nothing_and_is_not_asked_for_again(served: Generation, answer: bytes) -> None:
    with server(answer, response(b'{"result": {}}')) as (path, asked):
        with pytest.raises(InvalidInput) as caught:
            ask(path, served)
        assert caught.value.code == "policy_result_invalid"
        assert len(asked) == 1


@pytest.mark.parametrize(
    "answer", [response(b"{}", "503 Service Unavailable"), b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"]
)
def test_an_engine_that_stops_is_unavailable(served: Generation, answer: bytes) -> None:
    with server(answer) as (path, asked):
        with pytest.raises(Unavailable) as caught:
            ask(path, served)
        assert caught.value.code == "policy_engine_unavailable"
        assert len(asked) == 1


def test_a_connection_that_is_closed_before_an_answer_is_tried_once_more(served: Generation) -> None:
    with server(b"", response(b'{"result": 1}')) as (path, asked):
        assert ask(path, served) == 1
        assert len(asked) == 2
    with server(b"", b"", response(b'{"result": 1}')) as (path, asked):
        with pytest.raises(Unavailable):
            ask(path, served)
        assert len(asked) == 2


def test_no_socket_is_an_engine_that_is_down(served: Generation, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.sock", tmp_path / ("long" * 40)):
        with pytest.raises(Unavailable) as caught:
            ask(path, served)
        assert caught.value.code == "policy_engine_unavailable"


@pytest.mark.parametrize("script", [trickle, flood])
def test_an_answer_without_end_ends_in_time(served: Generation, script: Callable[[socket.socket], None]) -> None:
    with listening_once(script) as path:
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            ask(path, served)
        assert caught.value.code == "policy_engine_unavailable"
        assert time.monotonic() - began < 10


def test_an_answer_of_another_protocol_is_an_engine_that_is_down(served: Generation) -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\nContent-Length: 0\r\n\r\n"
    with server(redirect) as (path, _):
        with pytest.raises(Unavailable) as caught:
            ask(path, served)
        assert caught.value.code == "policy_engine_unavailable"


@pytest.mark.parametrize("value", [b"octets", 1, {"deeper": [b"octets"]}])
def test_a_document_of_another_shape_is_never_sent(served: Generation, value: object) -> None:
    document = evidence_facts(*good_claims()).document
    with server(response(b'{"result": 1}')) as (path, asked):
        with pytest.raises(InvalidInput) as caught:
            OpaEngine(path, served).query(Stage.EVIDENCE, {**document, "gaps": value}, within(2))
        assert caught.value.code == "policy_input_invalid"
        assert asked == []
        assert ask(path, served) == 1


def test_an_unhealthy_engine_is_down(served: Generation) -> None:
    with server(response(b"{}", "500 Internal Server Error")) as (path, _):
        engine = OpaEngine(path, served)
        with pytest.raises(Unavailable) as caught:
            engine.ping(within(2))
        assert caught.value.code == "policy_engine_unavailable"


def test_both_stages_are_prepared_before_the_first_question(served: Generation) -> None:
    with server(response(b"{}"), response(b"{}")) as (path, asked):
        OpaEngine(path, served).prepare(within(2))
        assert [line.split()[1].split(b"?")[0] for line in asked] == [
            b"/v1/data/assay/main/evidence",
            b"/v1/data/assay/main/request",
        ]


def test_an_engine_that_does_not_run_cannot_be_prepared(served: Generation, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        OpaEngine(tmp_path / "missing.sock", served).prepare(within(2))
    assert caught.value.code == "policy_engine_unavailable"
