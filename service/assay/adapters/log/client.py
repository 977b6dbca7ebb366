"""The worker's side of the sequencer: `DecisionLog` over its unix socket."""

import os
import secrets
import socket
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from assay.adapters.log.rendering import Renderer
from assay.adapters.log.wire import (
    Answer,
    PingAnswer,
    PingRequest,
    RecordAnswer,
    RecordRequest,
    Refusal,
    Request,
    parse_answer,
    receive_frame,
    render_frame,
    render_request,
)
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded
from assay.domain.errors import InvalidInput, Unavailable
from assay.tlog.leaf import SALT_OCTETS, parse_leaf


class SequencerClient:
    """Records decisions through the sequencer that listens on `path`.

    It connects when it is first used, keeps idle connections for other threads, and forgets them in a forked child. A
    call that meets a dead connection is repeated once on a new one: recording is idempotent by the decision's id.
    Raises only `Unavailable(log_unavailable | log_overloaded)` and `InvalidInput`.
    """

    def __init__(
        self,
        path: Path,
        *,
        service_version: str,
        salt: Callable[[], bytes] = lambda: secrets.token_bytes(SALT_OCTETS),
    ) -> None:
        self._path = path
        self._renderer = Renderer(service_version=service_version)
        self._salt = salt
        self._idle: deque[socket.socket] = deque()
        self._process = os.getpid()

    def record(self, decision: Decision, deadline: Deadline, *, proven: bool = True) -> Recorded:
        """Durably record; returns only after the commit, with a leaf of this very decision."""
        salt = self._salt()
        rendered = self._renderer.render(decision, salt)

        def ask(budget: int) -> Request:
            return RecordRequest(
                budget=budget,
                proven=proven,
                leaf=rendered.leaf,
                document=rendered.document.octets,
                report=rendered.report.octets,
                salt=salt,
                preimage=decision.preimage,
            )

        answer = self._exchange(ask, deadline)
        if not isinstance(answer, RecordAnswer) or answer.id != decision.id or not _is_same(answer.leaf, rendered.leaf):
            raise _unavailable("it answered something else")
        return Recorded(id=answer.id, leaf=answer.leaf or rendered.leaf, index=answer.index, proof=answer.proof)

    def ping(self, deadline: Deadline) -> int:
        """The number of leaves, after the sequencer has written to its database; `Unavailable(log_unavailable)`."""
        answer = self._exchange(lambda budget: PingRequest(budget=budget), deadline)
        if not isinstance(answer, PingAnswer):
            raise _unavailable("it answered something else")
        return answer.size

    def close(self) -> None:
        """Close idle connections; the client can be used again."""
        while (connection := self._take_idle()) is not None:
            connection.close()

    def _exchange(self, ask: Callable[[int], Request], deadline: Deadline) -> Answer:
        try:
            answer = self._try_idle(ask, deadline) or self._try(self._connect(_seconds(deadline)), ask, deadline)
        except OSError as error:
            raise _unavailable(str(error) or type(error).__name__) from error
        if isinstance(answer, Refusal):
            family = Unavailable if answer.retryable else InvalidInput
            raise family(answer.code, answer.message, remedy=answer.remedy)
        return answer

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
        except BaseException:
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
        raise _unavailable(error.message) from error


def _is_same(stored: bytes, sent: bytes) -> bool:
    """Whether the stored leaf, if it is another one than was sent, says the same under another salt."""
    if not stored:
        return True
    try:
        return replace(parse_leaf(stored), caller="") == replace(parse_leaf(sent), caller="")
    except InvalidInput:
        return False


def _seconds(deadline: Deadline) -> float:
    left = deadline.at - deadline.clock()
    if left <= 0:
        raise _unavailable("no time was left")
    return left


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        "log_unavailable",
        f"the decision log did not record in time: {why[:200]}",
        remedy="check that the sequencer runs, then repeat the call",
    )
