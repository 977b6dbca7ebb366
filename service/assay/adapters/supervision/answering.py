"""The threads of a worker that call the application."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol

from gunicorn.http import wsgi

from assay.adapters.supervision.connection import Connection
from assay.adapters.supervision.gathered import GatheredResponse
from assay.adapters.supervision.whole_request import WholeRequest
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
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def start(self, threads: int) -> None:
        """Start so many threads, for as long as the process lives."""
        for number in range(threads):
            threading.Thread(target=self._run, name=f"answer-{number}", daemon=True).start()

    def take(self, connection: Connection, request: WholeRequest) -> None:
        """Have the application answer this request when a thread is free."""
        self._put(connection, request, partial(self._respond, connection, request, time.monotonic()))

    def finish(self, connection: Connection, request: WholeRequest, octets: bytes, *, close: bool) -> None:
        """Send what is left of an answer, when a thread is free."""

        def send() -> bool:
            connection.sock.sendall(octets)
            return not close

        self._put(connection, request, send)

    def run(self, work: Callable[[], None]) -> None:
        """Call something that raises nothing, when a thread is free."""
        self._work.put(work)

    def _put(self, connection: Connection, request: WholeRequest, answer: Callable[[], bool]) -> None:
        self._work.put(lambda: self._answered(connection, self._answer(connection, request, answer)))

    def _run(self) -> None:
        while True:
            self._work.get()()

    def _answer(self, connection: Connection, request: WholeRequest, answer: Callable[[], bool]) -> bool:
        try:
            connection.sock.settimeout(self._read_seconds)
            return answer()
        except OSError:
            return False
        except Exception as error:  # noqa: BLE001  # the one boundary of this thread
            self._worker.handle_error(request, connection.sock, connection.client, error)
            return False

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
        except Exception:  # the application's own, after which nothing more can be said to the client
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
