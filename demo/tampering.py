"""Changes in the database behind the service's back, one at a time, each found and named."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_OF_DECISION = "(SELECT {column} FROM decision WHERE id = :id)"
_STATEMENTS = {
    "verdict": "UPDATE decision SET verdict = 'allow' WHERE id = :id",
    "input": f"UPDATE blob SET bytes = x'00' || substr(bytes, 2) WHERE sha256 = {_OF_DECISION.format(column='input')}",
    "leaf": "UPDATE leaf SET bytes = CAST(replace(CAST(bytes AS TEXT), 'gate', 'bait') AS BLOB)"
    f" WHERE idx = {_OF_DECISION.format(column='leaf_index')}",
}
PARTS = tuple(_STATEMENTS)


@contextmanager
def tampered(database: Path, decision: str, part: str) -> Iterator[None]:
    """The database with one part of one decision changed, put back at the end."""
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        saved = {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608  # three fixed names
            for table in ("decision", "blob", "leaf")
        }
        changed = connection.execute(_STATEMENTS[part], {"id": decision}).rowcount
        connection.commit()
        if changed != 1:
            raise RuntimeError(f"the {part} of {decision} was not changed")
    try:
        yield
    finally:
        with closing(sqlite3.connect(database, timeout=10)) as connection:
            for table, rows in saved.items():
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(f"REPLACE INTO {table} VALUES ({marks})", rows)  # noqa: S608
            connection.commit()
