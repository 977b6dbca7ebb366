"""The loop of a worker with everything behind it that answers reviews; it turns only while somebody asks."""

import http.client
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from gunicorn.config import Config

from assay.adapters.supervision.answering import AnsweringThreads
from assay.adapters.supervision.connection import Connection
from assay.adapters.supervision.loop_answers import LoopAnswers
from assay.adapters.supervision.loop_application import LoopApplication
from assay.adapters.supervision.whole_request import HeadBook
from assay.domain.http_call import HttpCall, Later, LaterReply, Reply
from assay.domain.server_status import Refusal

PATIENCE = 240.0
TURN_SECONDS = 0.02
MOST_OCTETS = 64 * 1024


def start_threads(number: int) -> AnsweringThreads:
    """Threads for as many servers as there are, one after the other; they end with the process."""
    unused: Any = None
    threads = AnsweringThreads(unused, 1.0, unused)
    threads.start(number)
    return threads


@dataclass(frozen=True, kw_only=True)
class ServerAnswer:
    """An answer of HTTP, and whether it was made in the loop, without a thread."""

    status: int
    body: bytes
    in_loop: bool


class LoopServer:
    """Does for each request what `BoundedWorker` does once it is here; a `LoopWorker`."""

    def __init__(self, application: LoopApplication, threads: AnsweringThreads) -> None:
        self.alive = True
        self._answering = 0
        self._in_loop = True
        self._said: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._poller = selectors.DefaultSelector()
        self._application = application
        noting = LoopApplication(answer_soon=self._answer_soon, pipeline=application.pipeline)
        self._answers = LoopAnswers(noting, threads, self)
        self._answers.begin(self._poller)

    @classmethod
    @contextmanager
    def around(cls, application: LoopApplication, threads: AnsweringThreads) -> Iterator["LoopServer"]:
        """A server that ends with the block, once the last thread has answered."""
        server = cls(application, threads)
        try:
            yield server
        finally:
            server._turn_until(lambda: not server._answering)
            server._answers.end()
            server._poller.close()

    def post(self, path: str, body: bytes) -> ServerAnswer:
        """Ask, and turn until there is an answer."""
        ours, client = socket.socketpair()
        with ours, client:
            fields = f"Host: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            client.sendall(f"POST {path} HTTP/1.1\r\n{fields}\r\n".encode() + body)
            ours.setblocking(False)
            connection = Connection(ours, "", "", cfg=Config(), most_octets=MOST_OCTETS, heads=HeadBook())
            request = connection.receive()
            assert request is not None
            self._in_loop = True
            self.occupy(1)
            assert self._answers.take(connection, request)
            self._turn_until(lambda: connection.answered)
            response = http.client.HTTPResponse(client)
            response.begin()
            return ServerAnswer(status=response.status, body=response.read(), in_loop=self._in_loop)

    def after_answer(self, connection: Connection, goes_on: bool) -> None:  # noqa: ARG002, FBT001  # a callback
        self.occupy(-1)
        connection.let_go()

    def count_refusal(self, why: Refusal) -> None:
        raise AssertionError(f"{why}: every fault ends at the door")

    def leave_poller(self, connection: Connection) -> None:
        raise AssertionError(f"{connection} takes every answer at once")

    def occupy(self, requests: int) -> None:
        self._answering += requests

    def call_in_loop(self, callback: Callable[..., None], *arguments: object) -> None:
        self._said.put(partial(callback, *arguments))

    def _answer_soon(self, call: HttpCall, reply: Reply, later: Later) -> bool:
        def noting(made: LaterReply) -> None:
            self._in_loop = False
            later(made)

        return self._application.answer_soon(call, reply, noting)

    def _turn_until(self, holds: Callable[[], bool]) -> None:
        give_up = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < give_up, "it never held"
            for key, _ in self._poller.select(self._answers.seconds_left(TURN_SECONDS)):
                key.data(key.fileobj)
            try:
                while True:
                    self._said.get_nowait()()
            except Empty:
                self._answers.attend()
