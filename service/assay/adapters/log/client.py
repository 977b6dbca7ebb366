"""The worker's side of the sequencer: `DecisionLog` over its unix socket."""

import os
import socket
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from assay.adapters.log.draft import Drafting, require_answer, unavailable
from assay.adapters.log.wire import (
    Answer,
    PingAnswer,
    PingRequest,
    Request,
    parse_answer,
    receive_frame,
    render_frame,
    render_request,
)
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded
from assay.domain.errors import InvalidInput


class SequencerClient:
    """Records decisions through the sequencer that listens on `path`.

    It connects when it is first used, keeps idle connections for other threads, and forgets them in a forked child. A
    call that meets a dead connection is repeated once on a new one: recording is idempotent by the decision's id.
    Raises only `Unavailable(log_unavailable | log_overloaded)` and `InvalidInput`.
    """

    def __init__(self, path: Path, drafting: Drafting) -> None:
        self._path = path
        self._drafting = drafting
        self._idle: deque[socket.socket] = deque()
        self._process = os.getpid()

    def record(self, decision: Decision, deadline: Deadline, *, proven: bool = True) -> Recorded:
        """Durably record; returns only after the commit, with a leaf of this very decision."""
        draft = self._drafting.draft(decision, proven=proven)
        return draft.recorded(self._exchange(draft.request, deadline))

    def ping(self, deadline: Deadline) -> int:
        """The number of leaves, after the sequencer has written to its database; `Unavailable(log_unavailable)`."""
        answer = require_answer(self._exchange(lambda budget: PingRequest(budget=budget), deadline))
        if not isinstance(answer, PingAnswer):
            raise unavailable("it answered something else")
        return answer.size

    def close(self) -> None:
        """Close idle connections; the client can be used again."""
        while (connection := self._take_idle()) is not None:
            connection.close()

    def _exchange(self, ask: Callable[[int], Request], deadline: Deadline) -> Answer:
        try:
            return self._try_idle(ask, deadline) or self._try(self._connect(_seconds(deadline)), ask, deadline)
        except OSError as error:
            raise unavailable(str(error) or type(error).__name__) from error

    def _try_idle(self, ask: Callable[[int], Request], deadline: Deadline) -> Answer | None:
        connection = self._take_idle()
        if connection is None:
            return None
        try:
            return self._try(connection, ask, deadline)
        except TimeoutError:
            raise
        except OSError:  # the sequencer was restarted since
            return None

    def _try(self, connection: socket.socket, ask: Callable[[int], Request], deadline: Deadline) -> Answer:
        with ExitStack() as on_failure:  # an interrupted exchange leaves an answer behind that belongs to nobody
            on_failure.callback(connection.close)
            seconds = _seconds(deadline)
            connection.settimeout(seconds)
            connection.sendall(render_frame(render_request(ask(max(1, int(seconds * 1000))))))
            octets = receive_frame(connection, lambda: _seconds(deadline))
            if octets is None:
                raise ConnectionResetError("it closed the connection")
            answer = _read_answer(octets)
            on_failure.pop_all()
        self._idle.append(connection)
        return answer

    def _connect(self, seconds: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(seconds)
            connection.connect(str(self._path))
        except BaseException:  # whatever it is: nobody else has the socket
            connection.close()
            raise
        return connection

    def _take_idle(self) -> socket.socket | None:
        if os.getpid() != self._process:
            self._process = os.getpid()
            self.close()
        with suppress(IndexError):
            return self._idle.pop()
        return None


def _read_answer(octets: bytes) -> Answer:
    try:
        return parse_answer(octets)
    except InvalidInput as error:
        raise unavailable(error.message) from error


def _seconds(deadline: Deadline) -> float:
    left = deadline.at - deadline.clock()
    if left <= 0:
        raise unavailable("no time was left")
    return left
