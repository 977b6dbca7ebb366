"""Clients that begin and do not go on cost the web server no thread."""

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.fakes.web_server import OPTIONS, PATIENCE, WebServer, ask, receive_all, web_server
from tests.fixtures.polling import eventually

HELD = OPTIONS.threads * 4
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
BEGUN = {
    "nothing": b"",
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 1000\r\n\r\n" + b"x" * 10,
}


@contextmanager
def dripping(clients: list[socket.socket]) -> Iterator[None]:
    """Send one more byte on every connection again and again."""
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.01):
            for client in clients:
                client.send(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def hold(
    server: WebServer, stack: ExitStack, begun: bytes, connect: Callable[[], socket.socket]
) -> list[socket.socket]:
    clients = [stack.enter_context(connect()) for _ in range(HELD)]
    for client in clients:
        client.sendall(begun)
    return clients


def wait_for_answers(clients: list[socket.socket], most: int) -> set[int]:
    """The places of the clients that have an answer to read, once there are so many."""
    answered: set[int] = set()
    poller = select.poll()
    places = {client.fileno(): place for place, client in enumerate(clients)}
    for descriptor in places:
        poller.register(descriptor, select.POLLIN)
    give_up = time.monotonic() + PATIENCE
    while len(answered) < most:
        assert time.monotonic() < give_up
        answered = {places[descriptor] for descriptor, _ in poller.poll(1000)}
    return answered


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN.keys())
def test_requests_pass_while_others_are_half_sent(tmp_path: Path, begun: bytes, *, tls: bool) -> None:
    with web_server(tmp_path, tls=tls) as server, ExitStack() as stack:
        server.ask()
        clients = hold(server, stack, begun, server.connect_securely if tls else server.connect)
        for _ in range(5):
            assert server.ask(body=b"x" * 100)["read"] == 100
        with dripping(clients if begun else []):
            kept = server.client()
            assert [ask(kept, body=b"y" * size)["read"] for size in (10, 100_000, 0)] == [10, 100_000, 0]
            kept.close()


def test_requests_pass_while_handshakes_are_half_done(tmp_path: Path) -> None:
    with web_server(tmp_path, tls=True) as server, ExitStack() as stack:
        hold(server, stack, b"", server.connect)
        hold(server, stack, HELLO, server.connect)
        for _ in range(5):
            assert server.ask(body=b"x")["read"] == 1


def refusals(server: WebServer) -> list[str]:
    """What the server counted; on a busy machine a good request may come too late as well, and is sent again."""
    found: list[list[str]] = []

    def asked() -> bool:
        with suppress(AssertionError):
            found.append(server.ask()["refused"])
        return bool(found)

    eventually(asked, "an answer")
    return found[0]


@pytest.mark.parametrize("begun", [BEGUN["half a head"], BEGUN["half a body"]], ids=["head", "body"])
def test_what_is_not_sent_in_time_is_answered_408_and_closed(tmp_path: Path, begun: bytes) -> None:
    with web_server(tmp_path, read_seconds=1) as server, server.connect() as client:
        client.sendall(begun)
        answer = receive_all(client)
        assert set(refusals(server)) == {"slow"}
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close" in answer
    assert b"Retry-After" not in answer


def test_a_drip_does_not_lengthen_the_deadline(tmp_path: Path) -> None:
    with web_server(tmp_path, read_seconds=1) as server, server.connect() as client:
        client.sendall(HEAD + b"X-Slow: ")
        client.settimeout(0.02)
        for _ in range(int(PATIENCE / 0.02)):
            client.send(b"x")
            try:
                answer = client.recv(1000)
                break
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_handshake_that_is_not_done_in_time_is_closed(tmp_path: Path) -> None:
    with web_server(tmp_path, tls=True, read_seconds=1) as server, server.connect() as client:
        client.sendall(HELLO)
        assert receive_all(client) == b""


def test_a_client_that_does_not_read_its_answer_holds_no_thread(tmp_path: Path) -> None:
    with web_server(tmp_path) as server, ExitStack() as stack:
        server.ask()
        for client in hold(server, stack, b"", server.connect):
            client.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        assert server.ask()["read"] == 0


def test_an_idle_connection_outlasts_the_read_deadline(tmp_path: Path) -> None:
    with web_server(tmp_path, tls=True, read_seconds=5) as server:
        client, other = server.client(), server.connect_securely()
        ask(client)
        with server.connect() as slow:
            slow.sendall(HELLO)
            assert receive_all(slow) == b""  # by now the read deadline has passed
        assert ask(client)["read"] == 0
        other.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        assert other.recv(1000).startswith(b"HTTP/1.1 200 ")
        client.close()
        other.close()


def test_requests_beyond_what_may_wait_are_refused_at_once(tmp_path: Path) -> None:
    wait = b"GET /wait?%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % bytes(tmp_path / "go")
    with web_server(tmp_path, threads=1) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(40)]
        for client in clients:
            client.sendall(wait)
        first = wait_for_answers(clients, 8)
        (tmp_path / "go").touch()
        answers = [receive_all(client) for client in clients]
        assert server.ask()["refused"] == ["busy"] * len(first)
    assert {place for place, answer in enumerate(answers) if answer.startswith(b"HTTP/1.1 503 ")} == first
    refused = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503 ")]
    assert len(refused) == len(first)
    assert not any(b"Retry-After" in answer for answer in refused)
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers if answer not in refused)


def test_busy_threads_are_not_taken_for_a_dead_process(tmp_path: Path) -> None:
    wait = b"GET /wait?%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % bytes(tmp_path / "go")
    with web_server(tmp_path, threads=1) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(5)]
        for client in clients:
            client.sendall(wait)

        def probe() -> bytes:
            with server.connect() as kubelet:
                kubelet.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                return receive_all(kubelet)

        answer = probe()
        (tmp_path / "go").touch()
        assert all(receive_all(client).startswith(b"HTTP/1.1 200 ") for client in clients)
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_good_clients_meet_no_error_among_as_many_slow_ones(tmp_path: Path) -> None:
    with web_server(tmp_path, tls=True, threads=4, read_seconds=60) as server, ExitStack() as stack:
        slow: list[socket.socket] = [stack.enter_context(server.connect_securely()) for _ in range(40)]
        half_open = [stack.enter_context(server.connect()) for _ in range(40)]
        for begun, clients in ((HEAD + b"Content-Length: 100000\r\n\r\n", slow), (HELLO, half_open)):
            for client in clients:
                client.sendall(begun)

        def work(number: int) -> int:
            good = server.client()
            try:
                return sum(ask(good, body=b"x" * number)["read"] for _ in range(10))
            finally:
                good.close()

        with dripping(slow), ThreadPoolExecutor(40) as pool:
            assert list(pool.map(work, range(40))) == [10 * number for number in range(40)]


def test_a_client_that_leaves_before_its_handshake_costs_nothing(tmp_path: Path) -> None:
    with web_server(tmp_path, tls=True) as server:
        for octets in (b"", b"x", HELLO):
            client = server.connect()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
            client.sendall(octets)
            client.close()
        assert server.ask()["read"] == 0
        assert len(server.processes) == 1


def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    with web_server(tmp_path, tls=True) as server, server.connect_securely() as client:
        lengths = [b"Content-Length: %d\r\n\r\n" % size + b"x" * size for size in (3, 20_000, 0)]
        client.sendall(HEAD + HEAD.join(lengths[:2]) + HEAD + b"Connection: close\r\n" + lengths[2])
        answer = receive_all(client)
    assert [answer.count(b'"read": %d,' % size) for size in (3, 20_000, 0)] == [1, 1, 1]
    assert answer.index(b'"read": 3,') < answer.index(b'"read": 20000,') < answer.index(b'"read": 0,')


def test_a_body_of_unknown_length_is_refused(tmp_path: Path) -> None:
    with web_server(tmp_path) as server, server.connect() as client:
        client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        assert receive_all(client).startswith(b"HTTP/1.1 411 ")
        assert server.ask()["refused"] == ["lengthless"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00\x01\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (HEAD + b"X: " + b"x" * 70_000, b"431"),
        (b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", b"431"),
    ],
    ids=["garbage", "two lengths", "length and chunks", "long head", "many fields"],
)
def test_what_is_no_request_is_refused(tmp_path: Path, sent: bytes, status: bytes) -> None:
    with web_server(tmp_path) as server, server.connect() as client:
        client.sendall(sent)
        assert receive_all(client).startswith(b"HTTP/1.1 %s " % status)
        assert server.ask()["refused"] == ["malformed"]


def test_a_body_above_the_limit_is_not_read_and_left_to_the_application(tmp_path: Path) -> None:
    with web_server(tmp_path, most_octets=100) as server:
        with server.connect() as client:
            client.sendall(HEAD + b"Content-Length: 101\r\n\r\n")
            answer = receive_all(client)
        assert b'"declared": 101, "read": 0' in answer
        assert server.ask(body=b"x" * 100)["read"] == 100


def test_a_client_is_asked_for_the_body_it_announces(tmp_path: Path) -> None:
    with web_server(tmp_path) as server, server.connect() as client:
        client.sendall(HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"12345")
        answer = receive_all(client)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b'"read": 5' in answer


def test_a_full_server_lets_go_of_who_never_asked_anything(tmp_path: Path) -> None:
    with web_server(tmp_path, connections=20) as server, ExitStack() as stack:
        proven = server.client()
        ask(proven)
        clients = [stack.enter_context(server.connect()) for _ in range(20)]
        assert server.ask()["read"] == 0
        assert clients[0].recv(1) == b""
        assert ask(proven)["read"] == 0
        proven.close()


def test_a_full_server_in_which_everyone_waits_for_an_answer_takes_nobody_in(tmp_path: Path) -> None:
    wait = b"GET /wait?%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % bytes(tmp_path / "go")
    with web_server(tmp_path, connections=4) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(5)]
        for client in clients:
            with contextlib.suppress(ConnectionError):
                client.sendall(wait)
        refused = wait_for_answers(clients, 1)
        (tmp_path / "go").touch()
        served = [receive_all(client) for place, client in enumerate(clients) if place not in refused]
        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in served)
        assert server.ask()["read"] == 0


def test_a_tls_client_that_speaks_plain_http_is_closed(tmp_path: Path) -> None:
    with web_server(tmp_path, tls=True) as server:
        with server.connect() as client:
            client.sendall(HEAD + b"\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert not receive_all(client).startswith(b"HTTP/1.1 ")
        assert server.ask()["read"] == 0
