"""Clients that begin and do not go on, held at the real webhook while an API server sends reviews."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from demo.admission import review_of_pod, send_review
from demo.stack import Stack
from tests.fixtures.polling import SECONDS
from tests.fixtures.stacks import MakeSpare, Spare, workbench

THREADS = 2
HELD = THREADS * 4
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
HEAD = b"POST /mutate?timeout=10s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
BODY = HEAD + b'Content-Length: 1000\r\n\r\n{"kind":'


@pytest.fixture
def spare(make_spare: MakeSpare) -> Spare:
    """A stack whose webhook has one worker, and waits for its clients as long as it can be told to."""
    made = make_spare()
    made.stack.workers = 1
    made.stack.covering = (*made.stack.covering, f"threads: {THREADS}", "read_seconds: 60")
    made.stack.start()
    return made


def begin(stack: Stack) -> Iterator[socket.socket]:
    """Half-open handshakes, heads and bodies."""
    address = urlsplit(stack.webhook_url)
    context = ssl.create_default_context(cafile=str(stack.ca))
    for begun in (HELLO, HEAD, BODY):
        for _ in range(HELD):
            client = socket.create_connection((address.hostname or "", address.port or 0), timeout=SECONDS)
            if begun is not HELLO:
                client = context.wrap_socket(client, server_hostname=address.hostname)
            client.sendall(begun)
            yield client


def is_held(client: socket.socket) -> bool:
    """Whether there is neither an answer nor an end."""
    client.setblocking(False)
    try:
        client.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    return False


def test_reviews_are_answered_in_time_while_many_more_clients_than_threads_stand_still(spare: Spare) -> None:
    with workbench(spare.stack, spare.released) as bench:
        unsigned = [f"{bench.repository}@{bench.push_variant(f'slow {number}').digest}" for number in range(3)]
    with ExitStack() as opened:
        clients = [opened.enter_context(client) for client in begin(spare.stack)]
        for image in unsigned:
            allowed = send_review(spare.stack, "mutate", review_of_pod(spare.released.tagged))
            denied = send_review(spare.stack, "mutate", review_of_pod(image))
            assert allowed["allowed"], allowed
            assert denied["auditAnnotations"]["reason"] == "unsigned", denied
        assert [is_held(client) for client in clients] == [True] * 3 * HELD
