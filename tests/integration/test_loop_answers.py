"""Calls that are answered in the loop of a worker: none of them waits for a thread, and none holds up the others."""

import re
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.web_server import PATIENCE, WebServer, ask, receive_all, web_server
from tests.fixtures.polling import eventually
from tests.integration.test_server_drain import refuses_to_be_asked
from tests.integration.test_slow_clients import wait_for_answers

PROGRAM = "tests.fakes.loop_program:application"
LOOP = "MainThread"


@contextmanager
def loop_server(folder: Path, **options: Any) -> Iterator[WebServer]:
    with web_server(folder, program=PROGRAM, **options) as server:
        yield server
        assert b"Traceback" not in (folder / "server.log").read_bytes()


def call(path: str, fields: str = "", body: bytes = b"", *, version: str = "1.1") -> bytes:
    head = f"POST {path} HTTP/{version}\r\nHost: a\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def send(server: WebServer, stack: ExitStack, octets: bytes) -> socket.socket:
    client = stack.enter_context(server.connect_securely() if server.options.tls else server.connect())
    client.sendall(octets)
    return client


def receive_answer(client: socket.socket, ending: bytes = b"}") -> bytes:
    """One answer, up to the end of its document."""
    received = b""
    while not received.endswith(ending):
        octets = client.recv(65536)
        assert octets, received
        received += octets
    return received


@pytest.mark.parametrize("path", ["/soon", "/piped"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_connection_is_kept_for_calls_of_the_loop_and_of_threads(tmp_path: Path, path: str, *, tls: bool) -> None:
    with loop_server(tmp_path, tls=tls) as server:
        client = server.client()
        kept = client.sock
        for number in (10, 20):
            here = ask(client, path, b"x" * number)
            assert (here["read"], here["thread"]) == (number, LOOP)
            for other in ("/later", "/elsewhere"):
                there = ask(client, other, b"x" * number)
                assert (there["read"], there["thread"].split("-")[0]) == (number, "answer")
        assert client.sock is kept
        client.close()


def test_a_thread_that_computes_gives_way_to_the_loop_within_a_millisecond(tmp_path: Path) -> None:
    with loop_server(tmp_path) as server:
        assert server.ask("/elsewhere")["switch_seconds"] <= 0.001


@pytest.mark.parametrize("paths", [("/soon",), ("/piped",), ("/soon", "/piped", "/later")], ids=len)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_thousand_calls_in_one_write_are_answered_in_their_order(
    tmp_path: Path, paths: tuple[str, ...], *, tls: bool
) -> None:
    last = call("/soon?last", "Connection: close\r\n")
    calls = b"".join(call(f"{paths[number % len(paths)]}?{number}") for number in range(1000))
    with loop_server(tmp_path, tls=tls) as server, ExitStack() as stack:
        answer = receive_all(send(server, stack, calls + last))
    numbers = re.findall(rb'"query": "(\w+)"', answer)
    assert numbers == [*(b"%d" % number for number in range(1000)), b"last"]


def test_what_a_client_says_before_it_has_its_answer_is_answered_after_it(tmp_path: Path) -> None:
    with loop_server(tmp_path) as server, ExitStack() as stack:
        client = send(server, stack, call(f"/piped?{tmp_path / 'go'}"))
        assert server.ask("/soon")["thread"] == LOOP
        client.sendall(call("/soon?second", "Connection: close\r\n"))
        assert server.ask("/soon")["thread"] == LOOP
        (tmp_path / "go").touch()
        answers = receive_all(client)
    assert answers.index(b"/go") < answers.index(b"second")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_clients_that_do_not_read_their_answers_hold_nobody_up(tmp_path: Path, *, tls: bool) -> None:
    length = 10_000_000
    with loop_server(tmp_path, tls=tls) as server, ExitStack() as stack:
        lazy = [send(server, stack, call(f"/large?{length}", "Connection: close\r\n")) for _ in range(6)]
        for _ in range(5):
            assert server.ask("/soon")["thread"] == LOOP
        for client in lazy:
            assert receive_all(client).endswith(b"\r\n\r\n" + b"x" * length)


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (call("/soon", version="1.0"), b"close"),
        (call("/soon", "Connection: close\r\n"), b"close"),
        (call("/piped", "Connection: close\r\n"), b"close"),
        (call("/soon", "Connection: keep-alive\r\n", version="1.0") + call("/soon", version="1.0"), b"keep-alive"),
    ],
    ids=["1.0", "close", "close later", "1.0 kept"],
)
def test_a_connection_ends_after_its_answer_when_its_client_says_so(tmp_path: Path, octets: bytes, told: bytes) -> None:
    with loop_server(tmp_path) as server, ExitStack() as stack:
        answer = receive_all(send(server, stack, octets))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert re.findall(rb"Connection: (\S+)", answer) == [told, b"close"][: octets.count(b"POST")]


def test_a_large_body_is_whole_in_the_loop_and_in_a_thread(tmp_path: Path) -> None:
    with loop_server(tmp_path) as server:
        for path, thread in (("/soon", LOOP), ("/later", "answer"), ("/elsewhere", "answer")):
            answer = server.ask(path, b"x" * 1_000_000)
            assert (answer["read"], answer["thread"].split("-")[0]) == (1_000_000, thread)


def test_who_waits_too_long_for_a_thread_gets_what_is_overdue_and_the_thread_goes_on(tmp_path: Path) -> None:
    wait = call(f"/overdue?{tmp_path / 'go'}")
    with loop_server(tmp_path, threads=2) as server, ExitStack() as stack:
        clients = [send(server, stack, wait) for _ in range(6)]  # two have a thread, the others wait for one
        for client in clients:
            answer = receive_all(client)
            assert answer.endswith(b'{"overdue": true}')
            assert b"Connection: close" in answer
        assert server.ask("/soon")["thread"] == LOOP
        (tmp_path / "go").touch()
        assert server.ask("/later", b"x")["read"] == 1
        assert receive_answer(send(server, stack, wait)).startswith(b"HTTP/1.1 200 ")


def test_threads_that_stand_still_count_as_requests_until_they_end(tmp_path: Path) -> None:
    wait = call(f"/overdue?{tmp_path / 'go'}")
    with loop_server(tmp_path, threads=1) as server, ExitStack() as stack:
        answers = [receive_all(send(server, stack, wait)) for _ in range(33)]
        assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 32 + [b"HTTP/1.1 503"]
        (tmp_path / "go").touch()
        eventually(lambda: server.ask("/soon").get("thread") == LOOP, "the threads to end")


def test_a_reply_that_cannot_be_made_is_http_500_and_ends_the_connection(tmp_path: Path) -> None:
    with web_server(tmp_path, program=PROGRAM) as server, ExitStack() as stack:
        answer = receive_all(send(server, stack, call("/broken")))
        assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
        assert b"Connection: close" in answer
        assert receive_answer(send(server, stack, call("/broken", body=b"x")), b"x").startswith(b"HTTP/1.1 200 ")
        assert server.ask()["refused"] == ["broken"]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_error_in_the_loop_ends_its_own_call_and_nothing_else(tmp_path: Path, *, tls: bool) -> None:
    with web_server(tmp_path, program=PROGRAM, tls=tls) as server, ExitStack() as stack:
        waiting = send(server, stack, call(f"/piped?{tmp_path / 'go'}"))
        answers = [receive_all(send(server, stack, call("/failing"))) for _ in range(40)]
        for answer in answers:
            assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
            assert b"Connection: close" in answer
            assert answer.endswith(b"\r\n\r\ninternal: an unexpected error was logged\n")
        assert server.ask("/soon")["thread"] == LOOP
        assert server.ask()["refused"] == ["broken"] * 40
        (tmp_path / "go").touch()
        assert receive_answer(waiting).startswith(b"HTTP/1.1 200 ")
    assert (tmp_path / "server.log").read_text().count("a call could not be answered") == 40


def test_an_error_after_an_answer_takes_nothing_back(tmp_path: Path) -> None:
    with web_server(tmp_path, program=PROGRAM) as server:
        client = server.client()
        kept = client.sock
        for number in (1, 2):
            assert ask(client, "/failing", b"x" * number)["read"] == number
        assert ask(client, "/elsewhere")["refused"] == ["broken"] * 2
        assert client.sock is kept
        client.close()


def test_a_body_above_the_limit_is_left_to_the_application(tmp_path: Path) -> None:
    with loop_server(tmp_path, most_octets=100) as server, ExitStack() as stack:
        answer = receive_all(send(server, stack, call("/soon", body=b"x" * 101)))
        assert b'"declared": 101, "read": 0' in answer
        assert server.ask("/soon", b"x" * 100)["thread"] == LOOP


def test_calls_beyond_what_may_wait_are_refused_at_once(tmp_path: Path) -> None:
    wait = call(f"/piped?{tmp_path / 'go'}", "Connection: close\r\n")
    with loop_server(tmp_path, threads=1) as server, ExitStack() as stack:
        clients = [send(server, stack, wait) for _ in range(40)]
        first = wait_for_answers(clients, 8)
        (tmp_path / "go").touch()
        answers = [receive_all(client) for client in clients]
        assert server.ask()["refused"] == ["busy"] * len(first)
    refused = {place for place, answer in enumerate(answers) if answer.startswith(b"HTTP/1.1 503 ")}
    assert refused == first
    assert sum(answer.startswith(b"HTTP/1.1 200 ") for answer in answers) == 32


def test_a_pipeline_that_never_answers_stops_nobody_else(tmp_path: Path) -> None:
    with loop_server(tmp_path, read_seconds=1) as server, ExitStack() as stack:
        clients = [send(server, stack, call(f"/piped?{tmp_path / 'go'}")) for _ in range(20)]
        for path in ("/soon", "/piped", "/later", "/elsewhere"):
            assert server.ask(path, b"x")["read"] == 1
        slow = send(server, stack, b"POST / HTTP/1.1\r\n")
        assert receive_all(slow).startswith(b"HTTP/1.1 408 ")  # by now a read deadline has passed for all of them
        (tmp_path / "go").touch()
        assert all(receive_answer(client).startswith(b"HTTP/1.1 200 ") for client in clients)


def test_who_waits_for_the_loop_makes_no_room_for_others(tmp_path: Path) -> None:
    with loop_server(tmp_path, connections=4) as server, ExitStack() as stack:
        clients = [send(server, stack, call(f"/piped?{tmp_path / 'go'}", "Connection: close\r\n")) for _ in range(4)]
        late = stack.enter_context(server.connect())
        assert wait_for_answers([late], 1) == {0}
        (tmp_path / "go").touch()
        assert all(receive_all(client).startswith(b"HTTP/1.1 200 ") for client in clients)
        assert server.ask("/soon")["thread"] == LOOP


def test_clients_that_leave_before_their_answers_cost_nothing(tmp_path: Path) -> None:
    with loop_server(tmp_path) as server, ExitStack() as stack:
        for number in range(20):
            client = send(server, stack, call(f"/piped?{tmp_path / 'go'}") + call("/soon") * (number % 3))
            if number % 2:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
            client.close()
        assert server.ask("/soon")["thread"] == LOOP
        (tmp_path / "go").touch()
        for path in ("/soon", "/piped", "/later", "/elsewhere"):
            assert server.ask(path, b"x")["read"] == 1
        assert server.ask()["refused"] == []


@pytest.mark.parametrize("path", ["/piped", "/later"])
def test_an_answer_that_is_pending_when_the_server_is_told_to_end_is_given(tmp_path: Path, path: str) -> None:
    with loop_server(tmp_path) as server, ExitStack() as stack:
        client = send(server, stack, call(f"{path}?{tmp_path / 'go'}"))
        assert server.ask("/soon")["thread"] == LOOP
        server.processes[0].send_signal(signal.SIGTERM)
        eventually(lambda: refuses_to_be_asked(server), "the end of new connections")
        (tmp_path / "go").touch()
        answer = receive_all(client)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"Connection: close" in answer
        assert server.processes[0].wait(PATIENCE) == 0


def test_an_answer_that_never_comes_does_not_keep_the_server(tmp_path: Path) -> None:
    with loop_server(tmp_path, graceful_seconds=1) as server, ExitStack() as stack:
        clients = [send(server, stack, call(f"/piped?{tmp_path / 'never'}")) for _ in range(10)]
        assert server.ask("/soon")["thread"] == LOOP
        server.processes[0].send_signal(signal.SIGTERM)
        assert [receive_all(client) for client in clients] == [b""] * 10
        assert server.processes[0].wait(PATIENCE) is not None
