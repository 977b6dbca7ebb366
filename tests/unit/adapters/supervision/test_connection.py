"""A connection that is read without waiting, and what it relies on in gunicorn's parser."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidRequestLine, LimitRequestHeaders

from assay.adapters.supervision.connection import Connection, LengthRequired
from assay.adapters.supervision.whole_request import HeadBook

HEAD = b"POST /mutate?timeout=10s HTTP/1.1\r\nHost: a\r\n"
WHOLE = HEAD + b"Content-Length: 4\r\n\r\nbody"


class Ends:
    """Both ends of a connection; `received` is what became of what was sent."""

    def __init__(self, most_octets: int = 100) -> None:
        ours, self.client = socket.socketpair()
        ours.setblocking(False)
        self.connection = Connection(ours, "", "", cfg=Config(), most_octets=most_octets, heads=HeadBook())

    def send(self, octets: bytes) -> Any:
        self.client.sendall(octets)
        return self.connection.receive()

    def close(self) -> None:
        self.connection.sock.close()
        self.client.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def body_of(request: Any) -> bytes:
    assert request is not None
    octets: bytes = request.parse().body.read()
    return octets


def test_a_request_is_given_away_once_all_of_it_is_here(ends: Ends) -> None:
    assert ends.connection.receive() is None
    assert not ends.connection.has_begun
    for octet in WHOLE[:-1]:
        assert ends.send(bytes([octet])) is None
        assert ends.connection.has_begun
    request = ends.send(WHOLE[-1:])
    assert body_of(request) == b"body"
    assert (request.head.path, request.head.query) == ("/mutate", "timeout=10s")


def test_what_waits_for_an_answer_is_held(ends: Ends) -> None:
    assert ends.send(WHOLE + WHOLE[:10]) is not None
    assert ends.connection.held_octets == len(b"body") + 10
    assert ends.connection.has_more
    ends.connection.let_go()
    assert ends.connection.held_octets == 10


def test_a_body_that_nobody_read_is_not_taken_for_the_next_request(ends: Ends) -> None:
    first = ends.send(HEAD + b"Content-Length: 35\r\n\r\n" + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" + WHOLE)
    assert first is not None
    second: Any = ends.connection.receive()
    assert body_of(second) == b"body"
    assert second.parse().path == second.head.path == "/mutate"


def test_a_body_above_the_limit_is_not_waited_for_and_the_connection_not_used_again(ends: Ends) -> None:
    request = ends.send(HEAD + b"Content-Length: 101\r\n\r\n")
    assert body_of(request) == b""
    assert request.parse().should_close()
    assert request.head.closes
    kept = ends.connection
    assert not kept.has_begun


def test_the_client_is_asked_for_the_body_once(ends: Ends) -> None:
    assert ends.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n") is None
    assert ends.client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    request = ends.send(b"body")
    assert not request.parse()._expected_100_continue


def test_a_client_that_has_gone_is_told_apart(ends: Ends) -> None:
    ends.client.sendall(WHOLE[:10])
    ends.client.close()
    assert ends.connection.has_begun is False
    with pytest.raises(EOFError):
        ends.connection.receive()


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", LengthRequired),
        (b"\r\n\r\n", InvalidRequestLine),
        (HEAD + b"X: " + b"x" * 70_000, LimitRequestHeaders),
    ],
)
def test_what_is_no_request_with_a_length_is_refused(ends: Ends, sent: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        ends.send(sent)


@pytest.mark.parametrize(
    "sent",
    [
        WHOLE,
        HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"GET /healthz HTTP/1.0\r\n\r\n",
        HEAD + b"Content-Type: a/b\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"Content-Length: 70000\r\n\r\n" + bytes(70_000),
    ],
)
def test_a_head_that_comes_again_is_read_as_the_first_time(sent: bytes) -> None:
    ends = Ends(most_octets=100_000)
    requests = [ends.send(sent) for _ in range(3)]
    assert requests[0].head == requests[1].head == requests[2].head
    again = requests[2].parse()
    assert (again.path, again.should_close()) == (requests[2].head.path, requests[2].head.closes)
    assert again.body.read() == sent.partition(b"\r\n\r\n")[2]
    ends.close()


def test_who_waits_to_be_asked_for_the_body_is_asked_each_time(ends: Ends) -> None:
    for _ in range(3):
        assert ends.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n") is None
        assert ends.client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert ends.send(b"body").body == b"body"
