"""One stretch of the log, checked leaf by leaf and node by node."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from assay.adapters.log.inspection import (
    SignedHead,
    StoredRows,
    check_checkpoint,
    check_leaf,
    check_record,
    load_rows,
    read_leaf,
)
from assay.adapters.log.nodes import load_root, require_octets
from assay.adapters.log.schema import CHECKPOINT, DECISION, LEAF, NODE
from assay.domain.errors import RecordCorrupt, RecordPart
from assay.domain.record import Damage
from assay.tlog.merkle import Position, leaf_hash, node_hash
from assay.tlog.note import VerifierKey


class Stretch:
    """The leaves from `start` up to `end`, with all that became complete between them.

    Damage that follows from damage already found is not reported again, so that what was changed is what is named.
    """

    def __init__(self, connection: Connection, key: VerifierKey, head: SignedHead, *, start: int, end: int) -> None:
        self._connection = connection
        self._key = key
        self._head = head
        self._start = start
        self._end = end
        self._bad_nodes: set[Position] = set()

    def check(self) -> Iterator[Damage]:
        """Every damage there is, leaves first."""
        hashes = self._load_level(0)
        yield from self._check_leaves(hashes)
        yield from self._check_nodes(hashes)
        yield from self._check_checkpoints()

    def _check_leaves(self, hashes: dict[int, object]) -> Iterator[Damage]:
        between = DECISION.c.leaf_index.between(self._start, self._end - 1)
        decisions = {rows.decision["leaf_index"]: rows for rows in load_rows(self._connection, between)}
        query = select(LEAF).where(LEAF.c.idx.between(self._start, self._end - 1))
        leaves = {row.idx: row.bytes for row in self._connection.execute(query)}
        for index in range(self._start, self._end):
            rows = decisions.get(index)
            try:
                octets = self._check_leaf(index, leaves.get(index), hashes.get(index))
                self._check_decision(index, octets, rows)
            except RecordCorrupt as error:
                name = _name(rows, leaves.get(index))
                yield Damage(part=error.part, index=index, id=name, detail=error.message)

    def _check_leaf(self, index: int, leaf: object, stored: object) -> bytes:
        octets = require_octets(leaf, RecordPart.LEAF)
        if stored != leaf_hash(octets):
            self._bad_nodes.add(Position(0, index))
            check_leaf(self._connection, index=index, octets=octets, head=self._head)
        return octets

    def _check_decision(self, index: int, octets: bytes, rows: StoredRows | None) -> None:
        read_leaf(octets, index)
        if rows is None:
            raise RecordCorrupt(RecordPart.DECISION, f"the decision that leaf {index} records is gone")
        check_record(self._connection, rows)

    def _check_nodes(self, hashes: dict[int, object]) -> Iterator[Damage]:
        level, children = 1, hashes
        while self._end >> level:
            parents = self._load_level(level)
            for index in range(self._start >> level, self._end >> level):
                if not self._is_parent(Position(level, index), parents.get(index), children):
                    detail = f"node {index} on level {level} is not the hash of the two below"
                    yield Damage(part=RecordPart.NODE, index=None, id="", detail=detail)
            level, children = level + 1, parents

    def _is_parent(self, position: Position, stored: object, children: dict[int, object]) -> bool:
        """Whether a node is the hash of its children, or one of these was found damaged already."""
        below = [Position(position.level - 1, 2 * position.index + side) for side in (0, 1)]
        if self._bad_nodes.intersection(below):
            return True
        left, right = (children.get(child.index) for child in below)
        if isinstance(left, bytes) and isinstance(right, bytes) and stored == node_hash(left, right):
            return True
        self._bad_nodes.add(position)
        return False

    def _check_checkpoints(self) -> Iterator[Damage]:
        query = select(CHECKPOINT).where(CHECKPOINT.c.size <= self._end)
        if self._start:
            query = query.where(CHECKPOINT.c.size > self._start)
        for row in self._connection.execute(query):
            try:
                checkpoint = check_checkpoint(row.size, row.root, row.note, self._key)
                self._check_root(checkpoint.size, checkpoint.root)
            except RecordCorrupt as error:
                yield Damage(part=error.part, index=None, id="", detail=error.message)

    def _check_root(self, size: int, root: bytes) -> None:
        if not self._bad_nodes and load_root(self._connection, size) != root:
            raise RecordCorrupt(RecordPart.NODE, f"the tree of {size} leaves is not the one that was signed")

    def _load_level(self, level: int) -> dict[int, object]:
        """Nodes of a level that became complete in the stretch, and the left siblings that they are hashed with."""
        first, last = self._start >> (level + 1) << 1, (self._end >> level) - 1
        query = select(NODE).where(NODE.c.level == level, NODE.c.idx.between(first, last))
        return {row.idx: row.hash for row in self._connection.execute(query)}


def _name(rows: StoredRows | None, leaf: object) -> str:
    """The id of the decision, from its row or, when that is gone, from its leaf."""
    if rows is not None:
        return str(rows.decision["id"])
    try:
        return read_leaf(leaf, 0).id if isinstance(leaf, bytes) else ""
    except RecordCorrupt:
        return ""
