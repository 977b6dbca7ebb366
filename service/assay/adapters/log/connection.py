"""Connections to the database: one that writes, and short ones that can only read."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool, StaticPool

from assay.adapters.log.schema import GENERATION
from assay.domain.errors import RecordCorrupt, RecordPart, Unavailable

_BUSY_SECONDS = 5
_BEGIN = "BEGIN IMMEDIATE"


class _Cursor(Protocol):
    def execute(self, statement: str) -> object: ...

    def close(self) -> None: ...


class _RawConnection(Protocol):
    isolation_level: str | None
    text_factory: Callable[[bytes], str]

    def cursor(self) -> _Cursor: ...


def open_writer(path: Path) -> Engine:
    """The engine of the sequencer: one connection, write-ahead log, every commit on disk before it returns."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=StaticPool,
        hide_parameters=True,  # what is recorded never enters an error message, and so no log
        connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
    )
    _prepare(engine, begin=_BEGIN, pragmas=("journal_mode = WAL", "synchronous = FULL"))
    return engine


def open_reader(path: Path) -> Engine:
    """An engine that cannot write; it keeps no connection, so that it may be carried over a fork."""
    engine = create_engine(
        URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"}),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_SECONDS},
    )
    _prepare(engine, begin="BEGIN", pragmas=("query_only = ON",))
    return engine


def driver_connection(engine: Engine) -> sqlite3.Connection:
    """The driver's connection beneath the engine of the sequencer: what is written often costs a third there."""
    pooled = engine.raw_connection()
    driver = cast("sqlite3.Connection", pooled.driver_connection)
    pooled.close()
    return driver


@contextmanager
def transaction(driver: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block writes, or undo it when it raises; raises `sqlite3.Error`."""
    driver.execute(_BEGIN)
    try:
        yield
        driver.execute("COMMIT")
    finally:
        if driver.in_transaction:
            driver.execute("ROLLBACK")


def read_generation(connection: Connection) -> int:
    """The schema generation that the database says it has."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def require_writable(engine: Engine) -> None:
    """Write something that changes nothing; raises `Unavailable(database_unavailable)` when the disk does not take it.

    A database on a mount that can only be read is opened all the same, and stays so for whoever has it open.
    """
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA user_version = {read_generation(connection)}")
    except OperationalError as error:
        raise _unavailable(f"it cannot be written: {error.orig}") from error


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the log for reading.

    Raises `Unavailable(database_unavailable)` when there is no database of this schema, and
    `RecordCorrupt(database)` when SQLite finds its file damaged.
    """
    try:
        with engine.begin() as connection:
            if read_generation(connection) != GENERATION:
                raise _unavailable("it is not of this release's schema")
            yield connection
    except OperationalError as error:
        raise _unavailable(str(error.orig)) from error
    except DatabaseError as error:
        raise RecordCorrupt(
            RecordPart.DATABASE, f"the database of the decision log is damaged: {error.orig}"
        ) from error


def _prepare(engine: Engine, *, begin: str, pragmas: tuple[str, ...]) -> None:
    def configure(raw: _RawConnection, _record: object) -> None:
        raw.isolation_level = None  # the driver must not begin or commit on its own
        raw.text_factory = _decode_text
        cursor = raw.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", start)


def _decode_text(octets: bytes) -> str:
    """Text that is no longer UTF-8 must be found different from its leaf, not fail to be read."""
    return octets.decode("utf-8", "backslashreplace")


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        "database_unavailable",
        f"the decision log cannot be used: {why[:300]}",
        remedy="check the disk, and that the sequencer runs; then repeat the call",
    )
