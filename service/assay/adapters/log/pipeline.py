"""Recording without waiting, for the loop of a worker: many decisions on their way at once."""

import os
import selectors
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assay.adapters.log.draft import Draft, Drafting
from assay.adapters.log.wire import PIECE, parse_answer, render_frame, render_request, take_frame
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded
from assay.domain.errors import InvalidInput, Unavailable

_MOST_WAITING = 256

Then = Callable[[Recorded | None], None]


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """A draft on its way; `then` is None once somebody was told that it did not arrive in time."""

    draft: Draft
    until: float
    then: Then | None

    def end(self, recorded: Recorded | None) -> None:
        then, self.then = self.then, None
        if then is not None:
            then(recorded)


class RecordPipeline:
    """Records decisions through the sequencer that listens on `path`, for one thread, which nothing here makes wait.

    Each `then` is called once, in that thread: with the record when the decision is on the disk, or with None when it
    could not be had this way; then it may be recorded all the same, and `DecisionLog.record` finds out, which asks for
    the same decision again. It raises nothing, for nobody here could answer for it. Frames go out in the order of
    `record_soon` and are answered in that order.
    """

    def __init__(self, path: Path, drafting: Drafting, clock: Callable[[], float]) -> None:
        self._path = path
        self._drafting = drafting
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._out = bytearray()
        self._received = bytearray()
        self._connection: socket.socket | None = None
        self._poller: selectors.BaseSelector = selectors.DefaultSelector()
        self._events = 0

    def attach(self, poller: selectors.BaseSelector) -> None:
        """Have the loop of this poller call what it registers, as `gunicorn`'s loop does: with the file object."""
        self._poller.close()
        self._poller = poller

    def record_soon(self, decision: Decision, deadline: Deadline, then: Then) -> None:
        """Begin to record a decision, without a proof; it is sent with those that come before the next `flush`.

        Raises what `Drafting.draft` does.
        """
        left = deadline.at - deadline.clock()
        if left <= 0 or len(self._waiting) >= _MOST_WAITING:
            then(None)
            return
        draft = self._drafting.draft(decision, proven=False)
        frame = render_frame(render_request(draft.request(max(1, int(left * 1000)))))
        # Answers are told apart by their order: a frame goes out with somebody who waits for it, or not at all.
        self._waiting.append(_Waiting(draft=draft, until=self._clock() + left, then=then))
        self._out += frame

    def flush(self) -> None:
        """Send what waits to be sent, as far as that goes without waiting."""
        if not self._out:
            return
        try:
            connection = self._connection or self._connect()
            with suppress(BlockingIOError):
                del self._out[: connection.send(self._out)]
        except OSError:
            self._start_over()
        else:
            self._listen(selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0))

    def seconds_left(self, most: float) -> float:
        """How long `give_up_late` has nothing to do, `most` if that is longer."""
        if not self._waiting:
            return most
        first = min((waiting.until for waiting in self._waiting if waiting.then is not None), default=None)
        return most if first is None else min(most, max(0.0, first - self._clock()))

    def give_up_late(self) -> None:
        """Tell those whose time is over; their answers may still come."""
        now = self._clock()
        for waiting in [waiting for waiting in self._waiting if waiting.until <= now]:
            waiting.end(None)

    def close(self) -> None:
        """End the connection; whoever still waits is told."""
        self._start_over()

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        self._connection = connection
        connection.connect(os.fspath(self._path))
        return connection

    def _listen(self, events: int) -> None:
        if events == self._events or self._connection is None:
            return
        if self._events:
            self._poller.modify(self._connection, events, self._on_event)
        else:
            self._poller.register(self._connection, events, self._on_event)
        self._events = events

    def _on_event(self, _: object) -> None:
        try:
            self._receive()
        except (OSError, InvalidInput):
            self._start_over()
        else:
            self.flush()

    def _receive(self) -> None:
        if self._connection is None:
            return
        try:
            octets = self._connection.recv(PIECE)
        except BlockingIOError:
            return
        if not octets:
            raise ConnectionResetError("the sequencer closed the connection")
        self._received += octets
        while (frame := take_frame(self._received)) is not None:
            if not self._waiting:
                raise ConnectionResetError("the sequencer answered what nobody asked")
            waiting = self._waiting.popleft()
            waiting.end(_recorded(waiting.draft, frame))

    def _start_over(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._events:
                self._poller.unregister(connection)
            connection.close()
        self._events = 0
        self._out.clear()
        self._received.clear()
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            each.end(None)


def _recorded(draft: Draft, frame: bytes) -> Recorded | None:
    try:
        return draft.recorded(parse_answer(frame))
    except (InvalidInput, Unavailable):
        return None
