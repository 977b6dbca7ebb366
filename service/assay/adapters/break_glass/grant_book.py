"""The book of uses: which decision used which grant, and which grants were revoked; rows are only ever added."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Column, Connection, Engine, Float, MetaData, Table, Text, create_engine, event, func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from assay.domain.break_glass import VISIT_SECONDS, GrantStanding, Visit
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
# Uses that were taken at a first look, and the final looks that they paid for.
_VISIT = Table(
    "visit",
    _METADATA,
    Column("grant_id", Text, primary_key=True),
    Column("decision_id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("seconds", Float, nullable=False),
)
_PAID = Table(
    "paid_visit",
    _METADATA,
    Column("grant_id", Text, primary_key=True),
    Column("decision_id", Text, primary_key=True),
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

    def is_paid(self, grant: Digest, visit: Visit, *, time: datetime) -> bool:
        """Whether a use that was taken at the first look at an object pays for this final one."""
        with self._changing() as connection:
            return bool(_paying_use(connection, grant, visit, time))

    def use(self, grant: Digest, *, decision: str, time: datetime, most: int, visit: Visit) -> bool:
        """Take one of `most` uses, or the one that pays for this look; False for none left and a revoked grant."""
        with self._changing() as connection:
            key = (_USE.c.grant_id == grant.text, _USE.c.decision_id == decision)
            if connection.execute(select(_USE.c.time).where(*key)).first() is not None:
                return True
            standing = _standing(connection, grant)
            if standing.revoked:
                return False
            if paying := _paying_use(connection, grant, visit, time):
                connection.execute(_PAID.insert().values(grant_id=grant.text, decision_id=paying))
                return True
            if standing.uses >= most:
                return False
            connection.execute(_USE.insert().values(grant_id=grant.text, decision_id=decision, time=time.isoformat()))
            if not visit.final:
                members = {"subject": visit.subject.text, "seconds": time.timestamp()}
                connection.execute(_VISIT.insert().values(grant_id=grant.text, decision_id=decision, **members))
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


def _paying_use(connection: Connection, grant: Digest, visit: Visit, time: datetime) -> str:
    """The decision whose use pays for this look, empty when there is none."""
    if not visit.final:
        return ""
    paid = select(_PAID.c.decision_id).where(_PAID.c.grant_id == grant.text)
    taken = select(_VISIT.c.decision_id).where(
        _VISIT.c.grant_id == grant.text,
        _VISIT.c.subject == visit.subject.text,
        _VISIT.c.seconds.between(time.timestamp() - VISIT_SECONDS, time.timestamp()),
        _VISIT.c.decision_id.not_in(paid),
    )
    return connection.execute(taken.order_by(_VISIT.c.seconds).limit(1)).scalar() or ""


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
