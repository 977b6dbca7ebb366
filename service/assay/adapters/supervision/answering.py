"""The threads of a worker that call the application."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol

from gunicorn.http import wsgi

from assay.adapters.supervision.connection import Connection
from assay.adapters.supervision.gathered import GatheredResponse
from assay.adapters.supervision.loop_application import render_reply
from assay.adapters.supervision.whole_request import WholeRequest
from assay.domain.http_call import HttpReply
from assay.domain.server_status import SERVER_STATUS, ServerStatus

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Answerer(Protocol):
    """What the threads need of their worker: gunicorn's own attributes, and what the application is told of it."""

    cfg: Any
    log: Any
    wsgi: WSGI
    alive: bool
    status: ServerStatus

    def handle_error(self, req: object, client: object, addr: object, exc: Exception) -> None:
        """Answer a request that failed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A whole request that waits for a thread; `answer` answers it and says whether its connection goes on."""

    connection: Connection
    request: WholeRequest
    answer: Callable[[], bool]


class AnsweringThreads:
    """Answers whole requests, each in one thread, in the order they came.

    `answered` is called in that thread, with whether the connection goes on. A client that does not read its answer
    holds the thread for `read_seconds` at most.
    """

    def __init__(self, worker: Answerer, read_seconds: float, answered: Callable[[Connection, bool], None]) -> None:
        self._worker = worker
        self._read_seconds = read_seconds
        self._answered = answered
        # A pool of the library makes a future for each request, with a lock and a condition of its own.
        self._requests: SimpleQueue[_Request] = SimpleQueue()

    def start(self, threads: int) -> None:
        """Start so many threads, for as long as the process lives."""
        for number in range(threads):
            threading.Thread(target=self._answer_requests, name=f"answer-{number}", daemon=True).start()

    def take(self, connection: Connection, request: WholeRequest) -> None:
        """Have the application answer this request when a thread is free."""
        self._put(connection, request, partial(self._respond, connection, request, time.monotonic()))

    def take_later(self, connection: Connection, request: WholeRequest, work: Callable[[], HttpReply]) -> None:
        """Answer this request with what `work` makes, when a thread is free."""
        self._put(connection, request, partial(self._send, connection, request, work))

    def finish(self, connection: Connection, request: WholeRequest, octets: bytes, *, close: bool) -> None:
        """Send what is left of an answer, when a thread is free."""

        def send() -> bool:
            connection.sock.sendall(octets)
            return not close

        self._put(connection, request, send)

    def _put(self, connection: Connection, request: WholeRequest, answer: Callable[[], bool]) -> None:
        self._requests.put(_Request(connection=connection, request=request, answer=answer))

    def _answer_requests(self) -> None:
        while True:
            asked = self._requests.get()
            self._answered(asked.connection, self._answer(asked))

    def _answer(self, asked: _Request) -> bool:
        connection = asked.connection
        try:
            connection.sock.settimeout(self._read_seconds)
            return asked.answer()
        except OSError:
            return False
        except Exception as error:  # noqa: BLE001  # the one boundary of this thread
            self._worker.handle_error(asked.request, connection.sock, connection.client, error)
            return False

    def _send(self, connection: Connection, request: WholeRequest, work: Callable[[], HttpReply]) -> bool:
        reply = work()
        close = request.head.closes or not self._worker.alive
        connection.sock.sendall(render_reply(reply, close=close))
        return not close

    def _respond(self, connection: Connection, request: WholeRequest, arrived: float) -> bool:
        worker = self._worker
        response, environ = wsgi.create(
            request.parse(),
            connection.sock,
            connection.client,
            connection.server,
            worker.cfg,
            response_class=GatheredResponse,
        )
        environ["wsgi.multithread"] = True
        environ[SERVER_STATUS] = replace(worker.status, waited_seconds=time.monotonic() - arrived)
        try:
            self._write(worker.wsgi(environ, response.start_response), response)
        except Exception:
            if not response.has_begun:
                raise
            worker.log.exception("an answer broke off")
            return False
        return not response.should_close()

    def _write(self, answer: Iterable[bytes], response: GatheredResponse) -> None:
        # The order to end may have come while the application worked.
        if not self._worker.alive:
            response.force_close()
        try:
            for octets in answer:
                response.write(octets)
            response.close()
        finally:
            if hasattr(answer, "close"):
                answer.close()
