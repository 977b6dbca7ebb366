"""The threads of a worker that call the application."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any, Protocol

from gunicorn.http import wsgi

from assay.adapters.supervision.connection import Connection
from assay.adapters.supervision.gathered import GatheredResponse
from assay.domain.server_status import SERVER_STATUS, ServerStatus

_MOMENT_MILLISECONDS = 2

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
    """A whole request that waits for a thread, and since when."""

    connection: Connection
    request: Any
    arrived: float


class AnsweringThreads:
    """Answers whole requests, each in one thread, in the order they came.

    `answered` is called in that thread, with whether the connection goes on. A client that does not read its answer
    holds the thread for `read_seconds` at most. Where no other request waits, the thread stays with its connection a
    little longer: a client that asks again at once is answered without a detour through the loop of the worker.
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

    def take(self, connection: Connection, request: object) -> None:
        """Answer this request when a thread is free."""
        self._requests.put(_Request(connection=connection, request=request, arrived=time.monotonic()))

    def _answer_requests(self) -> None:
        while True:
            asked: _Request | None = self._requests.get()
            while asked is not None:
                connection = asked.connection
                goes_on = self._answer(asked)
                asked = self._next_request(connection) if goes_on else None
            self._answered(connection, goes_on)

    def _next_request(self, connection: Connection) -> _Request | None:
        """What the client asks next, when all of it comes in a moment and nobody else waits."""
        if not self._worker.alive or not self._requests.empty():
            return None
        connection.let_go()
        request = connection.receive_soon(_MOMENT_MILLISECONDS)
        arrived = time.monotonic()
        return _Request(connection=connection, request=request, arrived=arrived) if request is not None else None

    def _answer(self, asked: _Request) -> bool:
        connection = asked.connection
        connection.sock.settimeout(self._read_seconds)
        try:
            return self._respond(asked)
        except OSError:
            return False
        except Exception as error:  # noqa: BLE001  # the one boundary of this thread
            self._worker.handle_error(asked.request, connection.sock, connection.client, error)
            return False

    def _respond(self, asked: _Request) -> bool:
        worker, connection = self._worker, asked.connection
        response, environ = wsgi.create(
            asked.request,
            connection.sock,
            connection.client,
            connection.server,
            worker.cfg,
            response_class=GatheredResponse,
        )
        environ["wsgi.multithread"] = True
        environ[SERVER_STATUS] = replace(worker.status, waited_seconds=time.monotonic() - asked.arrived)
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
