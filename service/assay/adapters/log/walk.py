"""Re-hashing the log a stretch at a time: nothing is believed that can be computed again."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Table, func, or_, select

from assay.adapters.log.inspection import load_signed_head
from assay.adapters.log.nodes import load_last_checkpoint, load_root
from assay.adapters.log.schema import CHECKPOINT, DECISION, FINDING, IMAGE, LEAF, NODE, PREIMAGE
from assay.adapters.log.stretch import Stretch
from assay.domain.errors import EvidenceRejected, RecordCorrupt, RecordPart
from assay.domain.record import Damage, WalkPage
from assay.tlog.checkpoint import verify_checkpoint
from assay.tlog.note import VerifierKey


def walk_log(
    connection: Connection, key: VerifierKey, remembered: Sequence[str], *, start: int, limit: int
) -> WalkPage:
    """Check the leaves from `start` up to `start + limit`, and with the last of them the log as a whole.

    `remembered` are the checkpoints outside the database. Raises `RecordCorrupt` when the newest checkpoint in it does
    not hold, because nothing can be compared with it then.
    """
    if start < 0 or limit < 1:
        raise ValueError("a walk starts at a leaf and takes at least one")
    if load_last_checkpoint(connection) is None and _count(connection, LEAF) == 0:
        return WalkPage(next=None, size=0, damages=tuple(_check_whole(connection, key, remembered, 0)))
    head = load_signed_head(connection, key)
    size = head.checkpoint.size
    end = min(start + limit, size)
    damages = list(Stretch(connection, key, head, start=start, end=end).check()) if start < end else []
    if end < size:
        return WalkPage(next=end, size=size, damages=tuple(damages))
    damages += _check_whole(connection, key, remembered, size)
    return WalkPage(next=None, size=size, damages=tuple(damages))


def _check_whole(connection: Connection, key: VerifierKey, remembered: Sequence[str], size: int) -> Iterator[Damage]:
    yield from _check_leaf_count(connection, size)
    yield from _check_strays(connection, size)
    yield from _check_nodes(connection, size)
    yield from _check_remembered(connection, key, remembered, size)


def _check_leaf_count(connection: Connection, size: int) -> Iterator[Damage]:
    for table, part in ((LEAF, RecordPart.LEAF), (DECISION, RecordPart.DECISION)):
        count = _count(connection, table)
        if count != size:
            yield _damage(part, f"the checkpoint signs {size} leaves, the table {table.name} has {count} rows")


def _check_strays(connection: Connection, size: int) -> Iterator[Damage]:
    """Decisions outside the tree, and rows of decisions that do not exist."""
    outside = or_(DECISION.c.leaf_index < 0, DECISION.c.leaf_index >= size)
    for row in connection.execute(select(DECISION.c.id).where(outside)):
        yield Damage(part=RecordPart.DECISION, index=None, id=row.id, detail="the decision has no leaf in the tree")
    parents = select(DECISION.c.id)
    for table, part in ((IMAGE, RecordPart.IMAGE), (FINDING, RecordPart.FINDING), (PREIMAGE, RecordPart.PREIMAGE)):
        owner = table.c.id if table is PREIMAGE else table.c.decision_id
        for row in connection.execute(select(owner.label("id")).where(owner.not_in(parents)).distinct()):
            yield Damage(part=part, index=None, id=row.id, detail=f"a row of {table.name} belongs to no decision")


def _check_nodes(connection: Connection, size: int) -> Iterator[Damage]:
    expected = sum(size >> level for level in range(size.bit_length()))
    count = _count(connection, NODE)
    if count != expected:
        yield _damage(RecordPart.NODE, f"a tree of {size} leaves has {expected} nodes, the table has {count}")


def _check_remembered(
    connection: Connection, key: VerifierKey, remembered: Sequence[str], size: int
) -> Iterator[Damage]:
    if not remembered:
        yield _damage(RecordPart.CHECKPOINT, "the checkpoint outside the database is gone")
    for note in remembered:
        detail = _contradict(connection, key, note, size)
        if detail:
            yield _damage(RecordPart.CHECKPOINT, detail)
            return


def _contradict(connection: Connection, key: VerifierKey, note: str, size: int) -> str:
    """What is wrong between a remembered checkpoint and the database; empty when nothing is."""
    try:
        checkpoint = verify_checkpoint(note, key)
        if checkpoint.size > size:
            return f"{checkpoint.size} leaves were signed, the database has {size}"
        if _signed_root(connection, checkpoint.size) != checkpoint.root:
            return "the checkpoint outside the database is of another tree"
    except (EvidenceRejected, RecordCorrupt) as error:
        return f"the checkpoint outside the database: {error.message}"
    return ""


def _signed_root(connection: Connection, size: int) -> object:
    """The root in the database's own checkpoint of this size, or the tree's where there is none."""
    row = connection.execute(select(CHECKPOINT.c.root).where(CHECKPOINT.c.size == size)).one_or_none()
    return load_root(connection, size) if row is None else row.root


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _damage(part: RecordPart, detail: str) -> Damage:
    return Damage(part=part, index=None, id="", detail=detail)
