"""The one thread that writes: it commits what is queued as soon as the commit before has ended."""

import logging
import threading
from collections.abc import Sequence

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from assay.adapters.log.inbox import Inbox, Ticket
from assay.adapters.log.ledger import Appended, Head, append_batch
from assay.adapters.log.schema import GENERATION
from assay.adapters.log.startup import check_log
from assay.adapters.log.state import StateFolder
from assay.adapters.log.wire import Answer, PingAnswer, Refusal
from assay.ports import Clock
from assay.tlog.note import SigningKey

_LOGGER = logging.getLogger(__name__)
_MOST_PER_BATCH = 256


class Writer:
    """Takes tickets out of the inbox until it is closed and drained.

    After a failed commit the head is read back and checked again, because only the database knows whether the commit
    happened. While the last checkpoint cannot be remembered outside the database, nothing more is recorded. Any other
    error than the database's and the disk's ends the thread: `failure` holds it and `ended` is called.
    """

    def __init__(
        self, *, engine: Engine, state: StateFolder, key: SigningKey, head: Head, inbox: Inbox, clock: Clock
    ) -> None:
        self._engine = engine
        self._state = state
        self._key = key
        self._head: Head | None = head
        self._inbox = inbox
        self._clock = clock
        self._behind = False
        self.failure: Exception | None = None

    def run(self, ended: threading.Event) -> None:
        """Write until there is nothing left; sets `ended` on the way out."""
        batch: list[Ticket] = []
        try:
            while batch := self._inbox.take(_MOST_PER_BATCH):
                self._write(batch)
        except Exception as error:
            _LOGGER.exception("the writer of the decision log ended")
            self.failure = error
            self._inbox.close()
            self._refuse(batch)
            while batch := self._inbox.take(_MOST_PER_BATCH):
                self._refuse(batch)
        finally:
            ended.set()

    def _write(self, batch: Sequence[Ticket]) -> None:
        now = self._clock.monotonic()
        wanted = [ticket for ticket in batch if ticket.deadline > now]
        self._refuse([ticket for ticket in batch if ticket.deadline <= now])
        if not wanted:
            return
        if not self._catch_up():
            self._refuse(wanted)
            return
        try:
            appended = self._commit(wanted)
        except SQLAlchemyError:
            _LOGGER.exception("a batch of %d was not recorded", len(wanted))
            self._head = None
            self._refuse(wanted)
            return
        answers = iter(appended.answers)
        for ticket in wanted:
            ticket.answer(_pong(appended) if ticket.entry is None else next(answers))
        self._remember(appended.head)

    def _commit(self, tickets: Sequence[Ticket]) -> Appended:
        entries = [ticket.entry for ticket in tickets if ticket.entry is not None]
        with self._engine.begin() as connection:
            head = self._head or check_log(connection, self._state, self._key)
            if len(entries) < len(tickets):
                _touch(connection)
            return append_batch(connection, entries, head=head, key=self._key)

    def _remember(self, head: Head) -> None:
        if head != self._head:
            self._head = head
            self._behind = True
            self._catch_up()

    def _catch_up(self) -> bool:
        """Remember the last checkpoint outside the database; nothing is recorded while the disk refuses that."""
        if self._behind and self._head is not None:
            try:
                self._state.write_checkpoint(self._head.note)
            except OSError:
                _LOGGER.exception("the last checkpoint cannot be written")
                return False
        self._behind = False
        return True

    def _refuse(self, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            ticket.answer(
                Refusal(
                    code="log_unavailable",
                    message="the decision could not be recorded in time",
                    remedy="repeat the call; check disk and load of the sequencer if this happens often",
                    retryable=True,
                )
            )


def _pong(appended: Appended) -> Answer:
    return PingAnswer(size=appended.head.frontier.size)


def _touch(connection: Connection) -> None:
    """Write something that changes nothing, so that the commit shows whether the disk takes it."""
    connection.exec_driver_sql(f"PRAGMA user_version = {GENERATION}")
