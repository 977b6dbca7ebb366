"""The writer's SQL: from the schema, compiled once, and handed to the driver many rows at a time."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter

from sqlalchemy import Table, insert, select
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.dialects.sqlite import insert as insert_or_ignore

from assay.adapters.log.schema import BLOB, DECISION

Line = dict[str, object]
_DIALECT = dialect(paramstyle="qmark")


def insert_rows(connection: sqlite3.Connection, table: Table, rows: Sequence[Line]) -> None:
    """Insert rows that have a value for each column; contents (`blob`) that are there already are left alone.

    Raises `sqlite3.Error`.
    """
    if rows:
        statement, in_order = _insertion(table)
        connection.executemany(statement, map(in_order, rows))


def select_known(connection: sqlite3.Connection, ids: Sequence[str]) -> frozenset[str]:
    """Those of the ids that are in the log already; raises `sqlite3.Error`."""
    if not ids:
        return frozenset()
    places = 1 << (len(ids) - 1).bit_length()  # few statements serve batches of every size
    padded = [*ids, *[ids[-1]] * (places - len(ids))]
    return frozenset(row[0] for row in connection.execute(_selection(places), padded))


@lru_cache
def _insertion(table: Table) -> tuple[str, Callable[[Line], tuple[object, ...]]]:
    """The statement with its places by number, which costs the driver half of what names cost, and who fills them."""
    statement = insert_or_ignore(BLOB).on_conflict_do_nothing() if table is BLOB else insert(table)
    return str(statement.compile(dialect=_DIALECT)), itemgetter(*table.columns.keys())


@lru_cache
def _selection(places: int) -> str:
    query = select(DECISION.c.id).where(DECISION.c.id.in_([""] * places))
    return str(query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))
