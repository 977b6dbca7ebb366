"""The sequencer's side of its socket: all workers' connections, read in one thread."""

import logging
import select
import socket
import time
from collections.abc import Sequence
from typing import Self

from assay.adapters.log.entry import EntryReader
from assay.adapters.log.peer import Peer
from assay.adapters.log.ticket import Ticket
from assay.adapters.log.wire import Answer, RecordRequest, Refusal, parse_request
from assay.domain.errors import AssayError, Unavailable
from assay.ports import Clock

_LOGGER = logging.getLogger(__name__)
_MOST_CONNECTIONS = 512
_MOST_PER_TURN = 256
_MOST_HELD = 512 * 1024 * 1024
_LONGEST_BUDGET = 600_000
_PATIENCE = 10.0
_MOMENT = 0.001
_FORGOTTEN = 0.25
"""By how much a batch makes the sequencer expect less company than an earlier one had."""

Asked = tuple[Peer, Ticket | Refusal]
"""Who asked, and what; what cannot be asked has its answer already."""


class Connections:
    """Takes connections from `listener` and questions from them: threads for them would cost more than the questions.

    A worker that stops in the middle of a frame, or does not read its answers, loses its connection. So do those beyond
    the limit: they read that as `log_unavailable`.
    """

    def __init__(self, listener: socket.socket, clock: Clock, *, most: int = _MOST_CONNECTIONS) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._clock = clock
        self._most = most
        self._peers: dict[int, Peer] = {}
        self._stalled: dict[Peer, float] = {}
        self._together = 1.0
        self._entries = EntryReader()
        self._poll = select.epoll()
        self._poll.register(listener, select.EPOLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._poll.close()
        for peer in self._peers.values():
            peer.connection.close()

    def gather(self, seconds: float) -> list[Asked]:
        """Wait so long at the most for questions, and a moment longer for those that lately came together with them.

        A batch costs nearly as much with one decision as with four. Nobody waits for others who asks alone. What cannot
        be a question stands among them as its refusal: a worker gets its answers in the order it asked.
        """
        asked = self._take(seconds)
        if 0 < len(asked) < self._together:
            time.sleep(_MOMENT)
            asked += self._take(0)
        if asked:
            self._together = max(len(asked), self._together - _FORGOTTEN)
        return asked

    def answer(self, peer: Peer, answers: Sequence[Answer]) -> None:
        """Answer what a worker asked, unless it is gone."""
        if peer.connection.fileno() < 0:
            return
        try:
            peer.send(answers)
        except OSError as error:
            self._give_up(peer, error)

    def _take(self, seconds: float) -> list[Asked]:
        asked: list[Asked] = []
        for number, _ in self._poll.poll(seconds, _MOST_PER_TURN):
            if number == self._listener.fileno():
                self._accept()
            else:
                self._hear(self._peers[number], asked)
        if self._stalled:
            self._drop_stalled()
        return asked

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if len(self._peers) >= self._most:
            connection.close()
            return
        self._peers[connection.fileno()] = Peer(connection)
        self._poll.register(connection, select.EPOLLIN)

    def _hear(self, peer: Peer, asked: list[Asked]) -> None:
        self._stalled.pop(peer, None)
        try:
            frames = peer.receive(_MOST_HELD - sum(stalled.held for stalled in self._stalled))
        except EOFError:
            self._end(peer)
        except OSError as error:
            self._give_up(peer, error)
        else:
            asked += [(peer, self._understand(octets)) for octets in frames]
            if not peer.is_between:
                self._stalled[peer] = self._clock.monotonic()

    def _understand(self, octets: bytes | None) -> Ticket | Refusal:
        try:
            return self._read_ticket(octets)
        except AssayError as error:
            return Refusal(code=error.code, message=error.message, remedy=error.remedy, retryable=error.retryable)

    def _read_ticket(self, octets: bytes | None) -> Ticket:
        if octets is None:
            raise Unavailable(
                "log_overloaded", "too many decisions wait to be recorded", remedy="repeat the call later"
            )
        request = parse_request(octets)
        if not 0 < request.budget <= _LONGEST_BUDGET:
            raise Unavailable(
                "log_unavailable", "the call left no time to record the decision", remedy="repeat it with more time"
            )
        entry = self._entries.read(request) if isinstance(request, RecordRequest) else None
        return Ticket(entry=entry, deadline=self._clock.monotonic() + request.budget / 1000)

    def _drop_stalled(self) -> None:
        long_ago = self._clock.monotonic() - _PATIENCE
        for peer in [peer for peer, since in self._stalled.items() if since < long_ago]:
            self._give_up(peer, TimeoutError("it stopped in the middle of a frame"))

    def _give_up(self, peer: Peer, error: OSError) -> None:
        _LOGGER.warning("a worker's connection ended: %s", error)
        self._end(peer)

    def _end(self, peer: Peer) -> None:
        self._stalled.pop(peer, None)
        del self._peers[peer.connection.fileno()]
        peer.connection.close()  # which also takes it out of the poll
