"""The verdicts of all workers in one SQLite file, apart from the decision log.

Nothing in it is needed: whatever cannot be read, or is not what this release wrote, is judged anew. Entries are
compared with their digest and their key; what keeps strangers from writing them is the mode of the state folder.
"""

import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from assay.adapters.cache.epoch import Epochs
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.kept_verdict import KeptVerdict
from assay.domain.reference import Repository
from assay.domain.verdict_key import VerdictKey
from assay.formats.kept_verdict import key_digest, parse_kept_verdict, render_kept_verdict
from assay.ports import KeptVerdicts, VerdictStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS verdict (
  key TEXT PRIMARY KEY, listed REAL NOT NULL, size INTEGER NOT NULL, digest TEXT NOT NULL, octets BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS verdict_listed ON verdict (listed, size);
"""
_BUSY_SECONDS = 0.05
_LARGEST = 64 * 1024 * 1024
_COMPRESSION = 1
_BETWEEN_SWEEPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the database may hold, and how long anything is of use."""

    entries: int = 20_000
    octets: int = 256 * 1024 * 1024
    oldest: timedelta = timedelta(hours=1)


class VerdictDatabase(VerdictStore, KeptVerdicts):
    """The verdicts below one folder.

    Safe to share between threads and processes, and to create before a fork: each process opens the file when it
    first needs it. An answer that takes longer than 50 ms is none.
    """

    def __init__(self, folder: Path, *, room: Room | None = None) -> None:
        self._folder = folder
        self._file = folder / "verdicts.db"
        self._epochs = Epochs(folder)
        self._room = room or Room()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0
        self._written = 0

    def epoch(self, repository: Repository) -> str:
        """The name of the time since the last `clear`, or since this repository was forgotten."""
        try:
            return self._epochs.current(repository)
        except OSError as error:
            raise _unavailable(str(error)) from error

    def forget_repository(self, repository: Repository) -> None:
        """Forget what is kept about a repository, in every process: nobody asks for it under the next epoch."""
        try:
            self._epochs.begin_for(repository)
        except OSError as error:
            raise _unavailable(str(error)) from error

    def prepare(self) -> None:
        """Open the database, which the first question would wait for."""
        with self._opened():
            pass

    def find(self, key: VerdictKey) -> KeptVerdict | None:
        """The verdict under the key; None when there is none, or none that this release wrote under it."""
        name = key_digest(key).text
        with self._opened() as connection:
            row = connection.execute("SELECT digest, octets FROM verdict WHERE key = ?", (name,)).fetchone()
        kept = _read(*row) if row is not None else None
        return kept if kept is not None and kept.key == key else None

    def keep(self, kept: KeptVerdict) -> None:
        """Keep a verdict; now and then let go what is too old or too much."""
        octets = render_kept_verdict(kept)
        stored = zlib.compress(octets, _COMPRESSION)
        row = (key_digest(kept.key).text, kept.listed.timestamp(), len(stored), Digest.of(octets).text, stored)
        with self._opened() as connection:
            connection.execute("INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?, ?)", row)
            self._written += 1
            if self._written % _BETWEEN_SWEEPS == 0:
                self._sweep(connection, kept.listed)

    def forget(self, key: VerdictKey) -> None:
        """Let go the verdict under the key."""
        with self._opened() as connection:
            connection.execute("DELETE FROM verdict WHERE key = ?", (key_digest(key).text,))

    def entries(self) -> Sequence[KeptVerdict]:
        """Every verdict that can be read, those first that were listed last."""
        with self._opened() as connection:
            rows = connection.execute("SELECT digest, octets FROM verdict ORDER BY listed DESC").fetchall()
        return [kept for digest, octets in rows if (kept := _read(digest, octets)) is not None]

    def clear(self) -> None:
        """Forget everything; what other processes remember is no longer asked for, because its key names the epoch."""
        try:
            self._epochs.begin()
        except OSError as error:
            raise _unavailable(str(error)) from error
        try:
            with self._opened() as connection:
                connection.execute("DELETE FROM verdict")
        except Unavailable:
            self._remove()

    def _remove(self) -> None:
        """Remove a database that cannot be used; whoever has it open finds out with an error and opens a new one."""
        try:
            for name in ("", "-wal", "-shm"):
                self._file.with_name(f"{self._file.name}{name}").unlink(missing_ok=True)
        except OSError as error:
            raise _unavailable(str(error)) from error

    def close(self) -> None:
        """Close this process's connection."""
        with self._lock:
            self._drop()

    def _sweep(self, connection: sqlite3.Connection, now: datetime) -> None:
        connection.execute("DELETE FROM verdict WHERE listed < ?", ((now - self._room.oldest).timestamp(),))
        connection.execute(
            "DELETE FROM verdict WHERE key IN (SELECT key FROM (SELECT key, ROW_NUMBER() OVER newest AS number,"
            " SUM(size) OVER newest AS total FROM verdict WINDOW newest AS (ORDER BY listed DESC, key))"
            " WHERE number > ? OR total > ?)",
            (self._room.entries, self._room.octets),
        )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._connect() as connection:
                    yield connection
            except (sqlite3.Error, OSError) as error:
                self._drop()
                raise _unavailable(str(error)) from error

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None or self._owner != os.getpid():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = sqlite3.connect(self._file, timeout=_BUSY_SECONDS, check_same_thread=False)
            self._connection, self._owner = connection, os.getpid()
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_SCHEMA)
            self._file.chmod(0o600)
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._owner == os.getpid():
            connection.close()


def _read(digest: object, stored: object) -> KeptVerdict | None:
    """The verdict in a row; None when it is not what was written."""
    if not isinstance(stored, bytes):
        return None
    inflater = zlib.decompressobj()
    try:
        octets = inflater.decompress(stored, _LARGEST)
        return parse_kept_verdict(octets) if inflater.eof and Digest.of(octets).text == digest else None
    except (zlib.error, InvalidInput):
        return None


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        "cache_unavailable",
        f"the kept verdicts cannot be read or written: {why[:200]}",
        remedy="run `assay cache clear`; everything is judged anew meanwhile",
    )
