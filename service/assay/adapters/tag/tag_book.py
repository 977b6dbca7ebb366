"""The book of immutable tags: what each was first seen as, and what became of it; facts are only ever added.

It is also the outbox of incidents: one that was written stays due until the log and the owner have heard of it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.incident import Incident, IncidentKind, PendingIncident, TagSighting
from assay.domain.reference import Reference, Repository
from assay.ports.incident import MOST_MOVES, IncidentOutbox, TagBook

NAME = "tags.db"
_BUSY_SECONDS = 1.0
_FIRST = "first"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (
  number INTEGER PRIMARY KEY, kind TEXT NOT NULL, repository TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,
  at TEXT NOT NULL, pushed TEXT NOT NULL, witness TEXT NOT NULL, reason TEXT NOT NULL,
  recorded INTEGER NOT NULL DEFAULT 0, settled INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0,
  UNIQUE (repository, tag, digest, kind)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS fact_first ON fact (repository, tag) WHERE kind = 'first';
CREATE INDEX IF NOT EXISTS fact_due ON fact (due) WHERE settled = 0;
"""
_INSERT = (
    "INSERT OR IGNORE INTO fact (kind, repository, tag, digest, at, pushed, witness, reason, settled)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MOVED = (
    "SELECT fact.number, fact.kind, fact.repository, fact.tag, fact.digest, fact.at, fact.pushed, fact.witness,"
    " fact.reason, fact.recorded, fact.tries, known.digest FROM fact JOIN fact AS known"
    " ON known.repository = fact.repository AND known.tag = fact.tag AND known.kind = 'first'"
)
_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(hours=1)
_MOST_DUE = 32


class SqliteTagBook(TagBook, IncidentOutbox):
    """An SQLite database in the state folder that every worker writes to.

    Every fact is on disk before it is answered, and a tag has one first digest whoever sees it. No connection is kept,
    so that it may be made before a fork. Raises `Unavailable(tags_unavailable)`.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / NAME

    def accepted(self, repository: Repository, tag: str) -> frozenset[Digest]:
        """The digests that a tag may stand for, none when it was never seen."""
        with self._opened() as connection:
            return _accepted(connection, repository, tag)

    def see(self, sighting: TagSighting) -> bool:
        """Whether a tag may stand for what it was seen as; the first digest may, another one is an incident."""
        with self._changing() as connection:
            accepted = _accepted(connection, sighting.repository, sighting.tag)
            if sighting.digest in accepted:
                return True
            first = not accepted
            # All that were accepted but the first are moves, too.
            if not first and _moves(connection, sighting) - (len(accepted) - 1) >= MOST_MOVES:
                return False
            pushed = sighting.pushed.isoformat() if sighting.pushed else ""
            kind = _FIRST if first else IncidentKind.MOVED.value
            place = (sighting.repository.name, sighting.tag, sighting.digest.text)
            written = (sighting.at.isoformat(), pushed, sighting.witness.value, "", int(first))
            connection.execute(_INSERT, (kind, *place, *written))
        return first

    def accept(self, reference: Reference, *, by: str, reason: str, at: datetime) -> Incident:
        """Let a tag stand for the digest that it moved to."""
        with self._changing() as connection:
            found = self._find_open(connection, reference)
            accepted = Incident(
                kind=IncidentKind.ACCEPTED,
                repository=found.repository,
                tag=found.tag,
                known=found.known,
                found=found.found,
                at=at,
                by=by,
                reason=reason,
            )
            place = (found.repository.name, found.tag, found.found.text)
            connection.execute(_INSERT, (accepted.kind.value, *place, at.isoformat(), "", by, reason, 0))
        return accepted

    def incidents(self) -> Sequence[Incident]:
        """Everything that happened to immutable tags, in its order."""
        with self._opened() as connection:
            rows = connection.execute(f"{_MOVED} WHERE fact.kind != 'first' ORDER BY fact.number").fetchall()
        return [_incident(row) for row in rows]

    def take_due(self, now: datetime) -> Sequence[PendingIncident]:
        """The incidents that somebody should hear of now; each is due again later, unless it was settled by then."""
        with self._changing() as connection:
            rows = connection.execute(
                f"{_MOVED} WHERE fact.settled = 0 AND fact.due <= ? ORDER BY fact.number LIMIT ?",
                (now.timestamp(), _MOST_DUE),
            ).fetchall()
            for row in rows:
                pause = min(_PAUSE * 2 ** min(row[10], 10), _LONGEST_PAUSE)
                due = (now + pause).timestamp()
                connection.execute("UPDATE fact SET tries = tries + 1, due = ? WHERE number = ?", (due, row[0]))
        return [PendingIncident(number=row[0], incident=_incident(row), recorded=bool(row[9])) for row in rows]

    def mark_recorded(self, pending: PendingIncident) -> None:
        """The log has the incident."""
        with self._changing() as connection:
            connection.execute("UPDATE fact SET recorded = 1 WHERE number = ?", (pending.number,))

    def settle(self, pending: PendingIncident) -> None:
        """Everybody has heard of the incident."""
        with self._changing() as connection:
            connection.execute("UPDATE fact SET settled = 1 WHERE number = ?", (pending.number,))

    def unheard(self) -> int:
        """How many incidents were taken by somebody and are not settled."""
        with self._opened() as connection:
            row = connection.execute("SELECT COUNT(*) FROM fact WHERE settled = 0 AND tries > 0").fetchone()
        return int(row[0])

    @staticmethod
    def _find_open(connection: sqlite3.Connection, reference: Reference) -> Incident:
        digest = reference.digest.text if reference.digest else ""
        row = connection.execute(
            f"{_MOVED} WHERE fact.kind = ? AND fact.repository = ? AND fact.tag = ? AND fact.digest = ?",
            (IncidentKind.MOVED.value, reference.repository.name, reference.tag, digest),
        ).fetchone()
        if row is None or Digest(digest) in _accepted(connection, reference.repository, reference.tag):
            raise InvalidInput(
                "incident_unknown",
                f"there is no open incident about {reference}",
                remedy="name tag and digest as `assay incidents show` does",
            )
        return _incident(row)

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that excludes every other writer from its beginning."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._file, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_SCHEMA)
                yield connection
        except sqlite3.Error as error:
            raise Unavailable(
                "tags_unavailable",
                f"the book of immutable tags cannot be used: {str(error)[:200]}",
                remedy="check the state folder and its disk",
            ) from error


def _moves(connection: sqlite3.Connection, sighting: TagSighting) -> int:
    row = connection.execute(
        "SELECT COUNT(*) FROM fact WHERE repository = ? AND tag = ? AND kind = ?",
        (sighting.repository.name, sighting.tag, IncidentKind.MOVED.value),
    ).fetchone()
    return int(row[0])


def _accepted(connection: sqlite3.Connection, repository: Repository, tag: str) -> frozenset[Digest]:
    rows = connection.execute(
        "SELECT digest FROM fact WHERE repository = ? AND tag = ? AND kind IN (?, ?)",
        (repository.name, tag, _FIRST, IncidentKind.ACCEPTED.value),
    )
    return frozenset(Digest(text) for (text,) in rows)


def _incident(row: Sequence[str]) -> Incident:
    _, kind, name, tag, digest, at, pushed, witness, reason, _, _, known = row
    registry, _, path = name.partition("/")
    return Incident(
        kind=IncidentKind(kind),
        repository=Repository(registry=registry, path=path),
        tag=tag,
        known=Digest(known),
        found=Digest(digest),
        at=datetime.fromisoformat(at),
        by=witness,
        reason=reason,
        pushed=datetime.fromisoformat(pushed) if pushed else None,
    )
