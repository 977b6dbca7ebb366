"""The bounded queue between connections and the one writer."""

import threading
from collections import deque

from assay.adapters.log.entry import Entry
from assay.adapters.log.wire import Answer
from assay.domain.errors import Unavailable


class Ticket:
    """A place in the queue: an entry (None: a ping), when its answer is worthless, and the answer once there is one.

    `deadline` is on the sequencer's monotonic clock.
    """

    def __init__(self, *, entry: Entry | None, octets: int, deadline: float) -> None:
        self.entry = entry
        self.octets = octets
        self.deadline = deadline
        self._answer: Answer | None = None
        self._unanswered = threading.Lock()  # held until there is an answer: an Event costs several of these
        self._unanswered.acquire()

    def answer(self, answer: Answer) -> None:
        """Wake the waiter; the first answer stands."""
        if self._answer is None:
            self._answer = answer
            self._unanswered.release()

    def wait(self, seconds: float) -> Answer | None:
        """The answer, None when there is none in time; for the one who waits, once."""
        if seconds > 0:
            self._unanswered.acquire(timeout=seconds)
        return self._answer


class Inbox:
    """Tickets in order of arrival, at most `places` of them and `octets` bytes in all."""

    def __init__(self, *, places: int, octets: int) -> None:
        self._places = places
        self._room = octets
        self._tickets: deque[Ticket] = deque()
        self._closed = False
        self._changed = threading.Condition()

    def put(self, ticket: Ticket) -> None:
        """Queue a ticket; `Unavailable`: `log_overloaded` without room, `log_unavailable` once closed."""
        with self._changed:
            if self._closed:
                raise Unavailable(
                    "log_unavailable", "the decision log is closing", remedy="repeat the call; nothing was recorded"
                )
            if len(self._tickets) >= self._places or ticket.octets > self._room:
                raise Unavailable(
                    "log_overloaded",
                    f"{len(self._tickets)} decisions wait to be recorded",
                    remedy="repeat the call later; nothing was recorded",
                )
            self._tickets.append(ticket)
            self._room -= ticket.octets
            self._changed.notify()

    def take(self, most: int) -> list[Ticket]:
        """Wait for a ticket, then take all there are, at most `most`; empty once closed and drained."""
        with self._changed:
            while not self._tickets and not self._closed:
                self._changed.wait()
            taken = [self._tickets.popleft() for _ in range(min(most, len(self._tickets)))]
            self._room += sum(ticket.octets for ticket in taken)
            return taken

    def close(self) -> None:
        """Take no more tickets; those that are queued are still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
