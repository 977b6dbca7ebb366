"""Reading the stored tree."""

from collections.abc import Iterable

from sqlalchemy import Connection, Row, and_, or_, select

from assay.adapters.log.schema import CHECKPOINT, NODE
from assay.domain.errors import RecordCorrupt, RecordPart
from assay.tlog.merkle import HASH_OCTETS, Frontier, Position, cover, fold, hash_path, inclusion_path
from assay.tlog.proof import InclusionProof

_MOST_PER_QUERY = 400


def load_nodes(connection: Connection, positions: Iterable[Position]) -> dict[Position, bytes]:
    """The stored hashes at these positions; raises `RecordCorrupt(node)` when one is missing or no hash."""
    wanted = sorted(set(positions))
    found: dict[Position, bytes] = {}
    for start in range(0, len(wanted), _MOST_PER_QUERY):
        chunk = wanted[start : start + _MOST_PER_QUERY]
        # SQLite answers such an OR from the primary key, but scans the table for `(level, idx) IN (VALUES ...)`.
        keys = [and_(NODE.c.level == item.level, NODE.c.idx == item.index) for item in chunk]
        rows = connection.execute(select(NODE).where(or_(*keys)))
        found |= {Position(row.level, row.idx): require_octets(row.hash, RecordPart.NODE) for row in rows}
    for position in wanted:
        if len(found.get(position, b"")) != HASH_OCTETS:
            raise RecordCorrupt(
                RecordPart.NODE, f"node {position.index} on level {position.level} is missing or is not a hash"
            )
    return found


def load_frontier(connection: Connection, size: int) -> Frontier:
    """The frontier of the tree at this size, from stored nodes."""
    positions = cover(0, size)
    nodes = load_nodes(connection, positions)
    return Frontier(size=size, peaks=tuple(nodes[position] for position in positions))


def load_root(connection: Connection, size: int) -> bytes:
    """The root of the tree at this size, from stored nodes."""
    positions = cover(0, size)
    nodes = load_nodes(connection, positions)
    return fold([nodes[position] for position in positions])


def load_proof(connection: Connection, *, index: int, size: int, note: str) -> InclusionProof:
    """The proof that leaf `index` is in the tree that the checkpoint `note` signs at `size`; nothing is verified."""
    path = inclusion_path(index, size)
    nodes = load_nodes(connection, (position for span in path for position in span))
    return InclusionProof(index=index, hashes=hash_path(path, nodes.__getitem__), checkpoint=note)


def load_last_checkpoint(connection: Connection) -> Row[tuple[int, bytes, str]] | None:
    """The row (size, root, note) of the newest checkpoint, None for an empty log."""
    return connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(1)).one_or_none()


def require_octets(value: object, part: RecordPart) -> bytes:
    """The value when it is bytes; a column of a SQLite table can hold anything, so `RecordCorrupt` otherwise."""
    if not isinstance(value, bytes):
        raise RecordCorrupt(part, f"what is stored as {part.value} is not bytes")
    return value
