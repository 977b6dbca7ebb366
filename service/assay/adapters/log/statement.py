"""The writer's SQL: from the schema, compiled once, so that a batch costs the driver and not the compiler."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection, Dialect, Insert, Row, Select, Table, insert, select
from sqlalchemy.dialects.sqlite import insert as insert_or_ignore

from assay.adapters.log.schema import BLOB, DECISION, LEAF

Line = Mapping[str, object]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Line]) -> None:
    """Insert rows that have a value for each column; contents (`blob`) that are there already are left alone."""
    if rows:
        statement, names = _insertion(table, connection.dialect)
        connection.exec_driver_sql(statement, [tuple(row[name] for name in names) for row in rows])


def select_leaves(connection: Connection, ids: Sequence[str]) -> Sequence[Row[tuple[str, int, bytes]]]:
    """The rows (id, index, leaf) of those decisions that are in the log."""
    if not ids:
        return ()
    places = 1 << (len(ids) - 1).bit_length()  # few statements serve batches of every size
    padded = (*ids, *[ids[-1]] * (places - len(ids)))
    return connection.exec_driver_sql(_selection(places, connection.dialect), padded).all()


@lru_cache
def _insertion(table: Table, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    statement: Insert = insert_or_ignore(BLOB).on_conflict_do_nothing() if table is BLOB else insert(table)
    compiled = statement.compile(dialect=dialect)
    return str(compiled), tuple(column.name for column in table.columns)


@lru_cache
def _selection(places: int, dialect: Dialect) -> str:
    query: Select[tuple[str, int, bytes]] = (
        select(DECISION.c.id, DECISION.c.leaf_index, LEAF.c.bytes)
        .join(LEAF, LEAF.c.idx == DECISION.c.leaf_index)
        .where(DECISION.c.id.in_([""] * places))
    )
    return str(query.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}))
