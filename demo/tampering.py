"""Changes in the database behind the service's back, one at a time, each found and named."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_STATEMENTS = {
    "verdict": "UPDATE decision SET verdict = 'allow' WHERE id = :id",
    "input": (
        "UPDATE blob SET bytes = x'00' || substr(bytes, 2) WHERE sha256 = (SELECT input FROM decision WHERE id = :id)"
    ),
    "leaf": (
        "UPDATE leaf SET bytes = CAST(replace(CAST(bytes AS TEXT), 'gate', 'bait') AS BLOB)"
        " WHERE idx = (SELECT leaf_index FROM decision WHERE id = :id)"
    ),
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
