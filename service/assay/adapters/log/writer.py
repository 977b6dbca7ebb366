"""Writing to the log: what is asked for together is committed together, and answered after that."""

import logging
import sqlite3
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from assay.adapters.log.connection import driver_connection, transaction
from assay.adapters.log.entry import Entry
from assay.adapters.log.latest import LatestCheckpoint
from assay.adapters.log.ledger import Head, answer_again, append_batch
from assay.adapters.log.schema import GENERATION
from assay.adapters.log.startup import check_log
from assay.adapters.log.state import StateFolder
from assay.adapters.log.statement import select_known
from assay.adapters.log.ticket import Ticket
from assay.adapters.log.wire import Answer, PingAnswer, Refusal
from assay.ports import Clock
from assay.tlog.note import SigningKey

_LOGGER = logging.getLogger(__name__)
_KEPT_FOR = 1.0
_LATE = Refusal(
    code="log_unavailable",
    message="the decision could not be recorded in time",
    remedy="repeat the call; check disk and load of the sequencer if this happens often",
    retryable=True,
)


class Writer:
    """Commits batches of tickets through the one connection of `engine`.

    After a failed commit the head is read back and checked again, because only the database knows whether the commit
    happened. While the last checkpoint cannot be remembered outside the database, nothing more is recorded. Any other
    error than the database's and the disk's is raised.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        state: StateFolder,
        latest: LatestCheckpoint,
        key: SigningKey,
        head: Head,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._driver = driver_connection(engine)
        self._state = state
        self._latest = latest
        self._key = key
        self._head: Head | None = head
        self._clock = clock
        self._noted = self._kept = head.note
        self._kept_at = clock.monotonic()

    def write(self, tickets: Sequence[Ticket]) -> list[Answer]:
        """The answer for each ticket in its order; what was recorded is on the disk."""
        now = self._clock.monotonic()
        wanted = [ticket.entry for ticket in tickets if ticket.deadline > now]
        answers = iter(self._write(wanted) if wanted else ())
        return [next(answers) if ticket.deadline > now else _LATE for ticket in tickets]

    def close(self) -> None:
        """Leave the last checkpoint on the disk."""
        self._remember(keep=True)

    def _write(self, entries: Sequence[Entry | None]) -> Sequence[Answer]:
        if not self._remember():
            return [_LATE] * len(entries)
        try:
            return self._commit(entries)
        except (sqlite3.Error, SQLAlchemyError):
            _LOGGER.exception("a batch of %d was not recorded", len(entries))
            self._head = None
            return [_LATE] * len(entries)
        finally:
            self._remember()

    def _commit(self, entries: Sequence[Entry | None]) -> list[Answer]:
        head = self._head or self._check()
        named: dict[str, Entry] = {}
        for entry in filter(None, entries):
            named.setdefault(entry.leaf.id, entry)
        with transaction(self._driver):
            known = select_known(self._driver, list(named))
            fresh = [entry for name, entry in named.items() if name not in known]
            appended = append_batch(self._driver, fresh, head=head, key=self._key) if fresh else None
            if None in entries:
                _touch(self._driver)
        self._head = appended.head if appended else head
        ready = dict(zip(map(id, fresh), appended.answers, strict=True)) if appended else {}
        return [self._answer(entry, ready, self._head) for entry in entries]

    def _check(self) -> Head:
        with self._engine.begin() as connection:
            return check_log(connection, self._state, self._key)

    def _answer(self, entry: Entry | None, ready: Mapping[int, Answer], head: Head) -> Answer:
        if entry is None:
            return PingAnswer(size=head.frontier.size)
        if id(entry) in ready:
            return ready[id(entry)]
        with self._engine.begin() as connection:
            return answer_again(connection, entry, head)

    def _remember(self, *, keep: bool = False) -> bool:
        """Remember the last checkpoint outside the database; nothing is recorded while the disk refuses that.

        It is noted after every batch, and kept, for which one waits for the disk, once in a while.
        """
        if self._head is None:
            return True
        note, now = self._head.note, self._clock.monotonic()
        try:
            if note != self._noted:
                self._latest.write(note)
                self._noted = note
            if note != self._kept and (keep or now >= self._kept_at + _KEPT_FOR):
                self._state.keep_checkpoint(note)
                self._kept, self._kept_at = note, now
        except OSError:
            _LOGGER.exception("the last checkpoint cannot be written")
            return False
        return True


def _touch(driver: sqlite3.Connection) -> None:
    """Write something that changes nothing, so that the commit shows whether the disk takes it."""
    driver.execute(f"PRAGMA user_version = {GENERATION}")
