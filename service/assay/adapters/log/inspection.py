"""Checking what is stored of a decision against its leaf, and the leaf against the signed tree."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, select

from assay.adapters.log.ledger import INPUT_TYPE, REPORT_TYPE
from assay.adapters.log.nodes import load_last_checkpoint, load_nodes, load_proof, require_octets
from assay.adapters.log.row import COLUMN_PARTS, decision_row, finding_rows, image_rows
from assay.adapters.log.schema import BLOB, DECISION, FINDING, IMAGE, LEAF, PREIMAGE
from assay.domain.compressed import decompress
from assay.domain.digest import Digest
from assay.domain.errors import EvidenceRejected, InvalidInput, RecordCorrupt, RecordPart
from assay.domain.record import Leaf
from assay.tlog.checkpoint import Checkpoint, verify_checkpoint
from assay.tlog.leaf import SALT_OCTETS, mark_caller, parse_leaf
from assay.tlog.merkle import Position, leaf_hash
from assay.tlog.note import VerifierKey
from assay.tlog.path import verify_inclusion
from assay.tlog.proof import InclusionProof
from assay.tlog.report import Report, parse_report

_Rows = list[Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """The newest checkpoint of the database, its signature verified, and its text."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows:
    """What the tables hold of one decision, unchecked; `leaf` is None when there is none at its index."""

    decision: RowMapping
    leaf: object
    images: _Rows
    findings: _Rows
    preimage: Mapping[str, object] | None

    @property
    def index(self) -> int:
        """The leaf's index; `RecordCorrupt(index)` when it is no number."""
        return require_index(self.decision)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRecord:
    """Leaf and contents of a decision that agree with each other."""

    leaf: Leaf
    octets: bytes = field(repr=False)
    report: Report
    document: bytes = field(repr=False)
    preimage: bytes | None = field(repr=False)


def load_signed_head(connection: Connection, key: VerifierKey) -> SignedHead:
    """The newest checkpoint; raises `RecordCorrupt(checkpoint)` when there is none or it does not hold."""
    row = load_last_checkpoint(connection)
    if row is None:
        raise RecordCorrupt(RecordPart.CHECKPOINT, "there is no checkpoint")
    return SignedHead(checkpoint=check_checkpoint(row.size, row.root, row.note, key), note=row.note)


def check_checkpoint(size: object, root: object, note: object, key: VerifierKey) -> Checkpoint:
    """The checkpoint of a row whose columns say what the signed note says; raises `RecordCorrupt(checkpoint)`."""
    try:
        checkpoint = verify_checkpoint(str(note), key)
    except EvidenceRejected as error:
        raise RecordCorrupt(RecordPart.CHECKPOINT, f"the checkpoint at {size}: {error.message}") from error
    if (checkpoint.size, checkpoint.root) != (size, root):
        raise RecordCorrupt(RecordPart.CHECKPOINT, f"the checkpoint at {size} was signed for another size or root")
    return checkpoint


def load_rows(connection: Connection, condition: ColumnElement[bool]) -> list[StoredRows]:
    """Everything but the contents of the decisions that meet a condition on `decision`, in the order of their index."""
    joined = DECISION.outerjoin(LEAF, LEAF.c.idx == DECISION.c.leaf_index)
    query = select(DECISION, LEAF.c.bytes.label("leaf")).select_from(joined).where(condition)
    decisions = connection.execute(query.order_by(DECISION.c.leaf_index)).mappings()
    images = _load_lists(connection, IMAGE, condition)
    findings = _load_lists(connection, FINDING, condition)
    preimages = _load_preimages(connection, condition)
    return [
        StoredRows(
            decision=row,
            leaf=row["leaf"],
            images=images.get(row["id"], []),
            findings=findings.get(row["id"], []),
            preimage=preimages.get(row["id"]),
        )
        for row in decisions
    ]


def require_index(row: RowMapping) -> int:
    """The leaf's index in a row of `decision`; `RecordCorrupt(index)` when it is no number."""
    index: object = row["leaf_index"]
    if not isinstance(index, int):
        raise RecordCorrupt(RecordPart.INDEX, f"the index of decision {row['id']} is not a number")
    return index


def check_columns(row: RowMapping, leaf: Leaf, index: int) -> None:
    """Compare every column of `decision` with the leaf; raises `RecordCorrupt` for the column that differs."""
    expected = decision_row(leaf, index)
    different = [column for column, value in expected.items() if row[column] != value]
    if not different:
        return
    if "id" in different and len(different) > 1:
        raise RecordCorrupt(RecordPart.INDEX, f"decision {row['id']} is not the one that leaf {index} records")
    part = COLUMN_PARTS[different[0]]
    raise RecordCorrupt(
        part, f"the stored {part.value} of decision {row['id']} is not the one that leaf {index} records"
    )


def check_leaf(connection: Connection, *, index: int, octets: bytes, head: SignedHead) -> InclusionProof:
    """The proof that these bytes are leaf `index` of the signed tree; raises `RecordCorrupt(leaf | node | checkpoint)`.

    When only one of leaf, its hash and the hashes above was changed, that one is named.
    """
    size = head.checkpoint.size
    if index >= size:
        raise RecordCorrupt(RecordPart.CHECKPOINT, f"leaf {index} is not covered by the checkpoint at {size}")
    hashed = leaf_hash(octets)
    position = Position(0, index)
    stored = load_nodes(connection, [position])[position]
    proof = load_proof(connection, index=index, size=size, note=head.note)
    if not _is_included(hashed, proof, head.checkpoint):
        part = RecordPart.NODE if stored == hashed else RecordPart.LEAF
        raise RecordCorrupt(part, f"leaf {index} and its proof do not lead to the signed root")
    if stored != hashed:
        raise RecordCorrupt(RecordPart.NODE, f"the stored hash of leaf {index} is not that of the leaf")
    return proof


def check_record(connection: Connection, rows: StoredRows) -> CheckedRecord:
    """Check columns, images, findings, contents and preimage against the leaf; raises `RecordCorrupt`.

    That the leaf is in the signed tree is `check_leaf`'s part.
    """
    index, octets = rows.index, require_octets(rows.leaf, RecordPart.LEAF)
    leaf = read_leaf(octets, index)
    check_columns(rows.decision, leaf, index)
    _require_equal(rows.images, image_rows(leaf), RecordPart.IMAGE, leaf.id)
    document = _load_content(connection, leaf.input, INPUT_TYPE, RecordPart.INPUT)
    report = _read_report(_load_content(connection, leaf.report, REPORT_TYPE, RecordPart.REPORT))
    _require_equal(rows.findings, finding_rows(leaf, report.findings), RecordPart.FINDING, leaf.id)
    preimage = _check_preimage(rows.preimage, leaf)
    return CheckedRecord(leaf=leaf, octets=octets, report=report, document=document, preimage=preimage)


def read_leaf(octets: bytes, index: int) -> Leaf:
    """Parse a stored leaf; raises `RecordCorrupt(leaf)`."""
    try:
        return parse_leaf(octets)
    except InvalidInput as error:
        raise RecordCorrupt(RecordPart.LEAF, f"leaf {index} cannot be read: {error.message}") from error


def _is_included(hashed: bytes, proof: InclusionProof, checkpoint: Checkpoint) -> bool:
    try:
        verify_inclusion(leaf=hashed, index=proof.index, size=checkpoint.size, proof=proof.hashes, root=checkpoint.root)
    except EvidenceRejected:
        return False
    return True


def _load_lists(connection: Connection, table: Table, condition: ColumnElement[bool]) -> dict[object, _Rows]:
    ids = select(DECISION.c.id).where(condition)
    rows = connection.execute(
        select(table).where(table.c.decision_id.in_(ids)).order_by(table.c.decision_id, table.c.position)
    )
    lists: dict[object, _Rows] = {}
    for row in rows.mappings():
        lists.setdefault(row["decision_id"], []).append(dict(row))
    return lists


def _load_preimages(connection: Connection, condition: ColumnElement[bool]) -> dict[object, Mapping[str, object]]:
    ids = select(DECISION.c.id).where(condition)
    rows = connection.execute(select(PREIMAGE).where(PREIMAGE.c.id.in_(ids)))
    return {row["id"]: dict(row) for row in rows.mappings()}


def _require_equal(stored: _Rows, expected: Iterable[Mapping[str, object]], part: RecordPart, name: str) -> None:
    if stored != list(expected):
        raise RecordCorrupt(part, f"the stored {part.value} rows of decision {name} are not those of its leaf")


def _load_content(connection: Connection, digest: Digest, media_type: str, part: RecordPart) -> bytes:
    row = connection.execute(select(BLOB).where(BLOB.c.sha256 == digest.text)).one_or_none()
    if row is None:
        raise RecordCorrupt(part, f"the {part.value} {digest} is gone")
    content = decompress(require_octets(row.bytes, part))
    if content is None or Digest.of(content) != digest or (row.media_type, row.size) != (media_type, len(content)):
        raise RecordCorrupt(part, f"the stored {part.value} is not {digest}")
    return content


def _read_report(content: bytes) -> Report:
    try:
        return parse_report(content)
    except InvalidInput as error:
        raise RecordCorrupt(RecordPart.REPORT, error.message) from error


def _check_preimage(row: Mapping[str, object] | None, leaf: Leaf) -> bytes | None:
    if row is None:
        return None
    salt = require_octets(row["salt"], RecordPart.PREIMAGE)
    preimage = require_octets(row["bytes"], RecordPart.PREIMAGE)
    if len(salt) != SALT_OCTETS or mark_caller(preimage, salt) != leaf.caller:
        raise RecordCorrupt(RecordPart.PREIMAGE, f"the preimage of decision {leaf.id} is not the one of its leaf")
    return preimage
