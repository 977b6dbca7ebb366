"""Answers that a worker gives in its loop, without a thread."""

import logging
import selectors
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from assay.adapters.supervision.answering import AnsweringThreads
from assay.adapters.supervision.connection import Connection
from assay.adapters.supervision.loop_application import LoopApplication, render_reply
from assay.adapters.supervision.whole_request import WholeRequest
from assay.domain.http_call import BROKEN, HttpReply, LaterReply
from assay.domain.server_status import Refusal

_LOGGER = logging.getLogger(__name__)


class LoopWorker(Protocol):
    """What the answers need of their worker."""

    alive: bool

    def count_refusal(self, why: Refusal) -> None:
        """Count one request that the server answered by itself; any thread may say so."""
        ...

    def after_answer(self, connection: Connection, goes_on: bool) -> None:  # noqa: FBT001  # a callback
        """The request is answered, and no longer counted."""
        ...

    def leave_poller(self, connection: Connection) -> None:
        """Somebody else has the connection."""
        ...

    def occupy(self, requests: int) -> None:
        """Count so many requests more, or less, as being answered."""
        ...

    def call_in_loop(self, callback: Callable[..., None], *arguments: object) -> None:
        """Call this soon, in the thread of the loop."""
        ...


@dataclass(slots=True, eq=False, kw_only=True)
class _UnderWay:
    """A reply that a thread makes; `is_over` when the call has got another one."""

    connection: Connection
    request: WholeRequest
    until: float
    overdue: Callable[[], HttpReply]
    is_over: bool = False


class LoopAnswers:
    """Calls a `LoopApplication`, writes its replies, and looks after its pipeline; for the thread of the loop.

    Guaranteed: a reply that a thread has to make does not come later than its `LaterReply` says; then the call gets
    what is overdue, and its connection ends. The thread may go on: until it has ended it counts as a request.
    """

    def __init__(self, application: LoopApplication, threads: AnsweringThreads, worker: LoopWorker) -> None:
        self._application = application
        self._threads = threads
        self._worker = worker
        self._under_way: set[_UnderWay] = set()

    def begin(self, poller: selectors.BaseSelector) -> None:
        """Let the pipeline use this poller."""
        self._application.pipeline.attach(poller)

    def seconds_left(self, most: float) -> float:
        """How long nothing is late, `most` if that is longer."""
        first = min((errand.until for errand in self._under_way), default=None)
        own = most if first is None else min(most, max(0.0, first - time.monotonic()))
        return self._application.pipeline.seconds_left(own)

    def attend(self) -> None:
        """After each turn of the loop: send what was gathered, and let go of what is late."""
        self._application.pipeline.flush()
        self._application.pipeline.give_up_late()
        now = time.monotonic()
        for errand in [errand for errand in self._under_way if errand.until <= now]:
            self._give_up(errand)

    def end(self) -> None:
        """End the pipeline."""
        self._application.pipeline.close()

    def take(self, connection: Connection, request: WholeRequest) -> bool:
        """Answer this request, now or soon; False when that is not for the loop.

        What the application raises ends this call alone, with HTTP 500: an API server refuses the object then.
        """
        call = request.call
        if call is None:
            return False
        settled = False

        def settle(answer: Callable[[], None]) -> None:
            nonlocal settled
            if not settled:
                answer()
                settled = True

        def reply(made: HttpReply) -> None:
            settle(partial(self._send, connection, request, made))

        def later(told: LaterReply) -> None:
            settle(partial(self._answer_later, connection, request, told))

        try:
            return self._application.answer_soon(call, reply, later)
        except Exception:  # what escaped from this thread would end the worker, with all its other calls
            _LOGGER.exception("a call could not be answered")
            self._worker.count_refusal(Refusal.BROKEN)
            settle(partial(self._send, connection, request, BROKEN, close=True))
            return True

    def _answer_later(self, connection: Connection, request: WholeRequest, later: LaterReply) -> None:
        until = time.monotonic() + later.seconds
        errand = _UnderWay(connection=connection, request=request, until=until, overdue=later.overdue)
        self._under_way.add(errand)
        self._threads.run(partial(self._run, errand, later.make))

    def _run(self, errand: _UnderWay, make: Callable[[], HttpReply]) -> None:
        """Make a reply, in a thread; whom it would come too late for is not worked for."""
        reply, close = BROKEN, True
        try:
            if not errand.is_over:
                reply, close = make(), False
        except Exception:  # the boundary of this thread, which answers others afterwards
            _LOGGER.exception("a reply could not be made")
            self._worker.count_refusal(Refusal.BROKEN)
        finally:
            self._worker.call_in_loop(self._deliver, errand, reply, close)

    def _deliver(self, errand: _UnderWay, reply: HttpReply, close: bool) -> None:  # noqa: FBT001  # a callback
        if errand.is_over:
            self._worker.occupy(-1)
            return
        self._under_way.discard(errand)
        self._send(errand.connection, errand.request, reply, close=close)

    def _give_up(self, errand: _UnderWay) -> None:
        self._under_way.discard(errand)
        errand.is_over = True
        self._worker.occupy(1)
        self._send(errand.connection, errand.request, errand.overdue(), close=True)

    def _send(self, connection: Connection, request: WholeRequest, reply: HttpReply, *, close: bool = False) -> None:
        close = close or request.head.closes or not self._worker.alive
        octets = render_reply(reply, close=close)
        try:
            sent = connection.sock.send(octets)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            sent = 0
        except OSError:
            sent, close = len(octets), True
        if sent < len(octets):  # a client that does not read holds a thread, for as long as it may
            self._worker.leave_poller(connection)
            self._threads.finish(connection, request, octets[sent:], close=close)
        else:
            self._worker.after_answer(connection, not close)
