"""The book of uses: which decision used which grant, and which grants were revoked; rows are only ever added."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Column, Connection, Engine, MetaData, Table, Text, create_engine, event, func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from assay.domain.break_glass import GrantStanding
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable

NAME = "break-glass.db"
_BUSY_SECONDS = 1
_METADATA = MetaData()
_USE = Table(
    "grant_use",
    _METADATA,
    Column("grant_id", Text, primary_key=True),
    Column("decision_id", Text, primary_key=True),
    Column("time", Text, nullable=False),
)
_REVOCATION = Table(
    "revocation",
    _METADATA,
    Column("grant_id", Text, primary_key=True),
    Column("time", Text, nullable=False),
    Column("reason", Text, nullable=False),
)


class _Cursor(Protocol):
    def execute(self, statement: str) -> object: ...

    def close(self) -> None: ...


class _RawConnection(Protocol):
    isolation_level: str | None

    def cursor(self) -> _Cursor: ...


class GrantBook:
    """An SQLite database in the state folder that every worker writes to.

    Every change is on disk before it is answered, and no two workers take the last use. No connection is kept, so that
    it may be made before a fork. Raises `Unavailable(grants_unavailable)` only.
    """

    def __init__(self, state: Path) -> None:
        self._engine = _open(state / NAME)

    def standing(self, grant: Digest) -> GrantStanding:
        """How often the grant was used, and whether it was revoked."""
        with self._changing() as connection:
            return _standing(connection, grant)

    def use(self, grant: Digest, *, decision: str, time: datetime, most: int) -> bool:
        """Take one of `most` uses; False when none is left or the grant was revoked."""
        with self._changing() as connection:
            key = (_USE.c.grant_id == grant.text, _USE.c.decision_id == decision)
            if connection.execute(select(_USE.c.time).where(*key)).first() is not None:
                return True
            standing = _standing(connection, grant)
            if standing.revoked or standing.uses >= most:
                return False
            connection.execute(_USE.insert().values(grant_id=grant.text, decision_id=decision, time=time.isoformat()))
        return True

    def revoke(self, grant: Digest, *, time: datetime, reason: str) -> bool:
        """Revoke a grant for good; False when it was revoked before, which stays as it is."""
        with self._changing() as connection:
            if _standing(connection, grant).revoked:
                return False
            connection.execute(_REVOCATION.insert().values(grant_id=grant.text, time=time.isoformat(), reason=reason))
        return True

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """One transaction that excludes every other writer from its beginning."""
        try:
            with self._engine.begin() as connection:
                _METADATA.create_all(connection)
                yield connection
        except DatabaseError as error:
            raise unavailable(str(error.orig)) from error


def _standing(connection: Connection, grant: Digest) -> GrantStanding:
    uses = connection.execute(select(func.count()).select_from(_USE).where(_USE.c.grant_id == grant.text)).scalar_one()
    revoked = connection.execute(select(_REVOCATION.c.reason).where(_REVOCATION.c.grant_id == grant.text)).scalar()
    return GrantStanding(uses=int(uses), revoked=revoked or "")


def _open(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_SECONDS},
    )

    def configure(raw: _RawConnection, _record: object) -> None:
        raw.isolation_level = None  # the driver must not begin or commit on its own
        cursor = raw.cursor()
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    listen: Callable[[Engine, str, Callable[..., None]], None] = event.listen
    listen(engine, "connect", configure)
    listen(engine, "begin", start)
    return engine


def unavailable(why: str) -> Unavailable:
    """The error for grants that cannot be read or counted."""
    return Unavailable(
        "grants_unavailable", f"the grants cannot be used: {why[:300]}", remedy="check the folder and the state folder"
    )
