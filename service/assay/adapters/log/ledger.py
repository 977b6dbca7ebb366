"""Appending to the log: the one place that writes decisions, all of a batch in one transaction."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Table, select

from assay.adapters.log.entry import Entry
from assay.adapters.log.nodes import load_proof, require_octets
from assay.adapters.log.row import decision_row, finding_rows, image_rows
from assay.adapters.log.schema import BLOB, CHECKPOINT, DECISION, FINDING, IMAGE, LEAF, NODE, PREIMAGE
from assay.adapters.log.statement import Line, insert_rows
from assay.adapters.log.wire import Answer, RecordAnswer, Refusal
from assay.domain.compressed import Compressed
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, RecordCorrupt, RecordPart
from assay.tlog.checkpoint import Checkpoint, sign_checkpoint
from assay.tlog.leaf import parse_leaf
from assay.tlog.merkle import Frontier, Position, cover, grow, hash_path, inclusion_path, leaf_hash
from assay.tlog.note import SigningKey
from assay.tlog.proof import InclusionProof, render_proof

INPUT_TYPE = "application/vnd.assay.input.v1+json"
REPORT_TYPE = "application/vnd.assay.report.v1+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of the log: its frontier and the checkpoint that signs it."""

    frontier: Frontier
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """The new head, and the answer for each entry in its order."""

    head: Head
    answers: tuple[RecordAnswer, ...]


def append_batch(connection: sqlite3.Connection, entries: Sequence[Entry], *, head: Head, key: SigningKey) -> Appended:
    """Append one entry or more, whose ids differ and are not in the log; nothing holds before the caller commits.

    Raises `sqlite3.Error`.
    """
    first = head.frontier.size
    frontier, nodes = grow(head.frontier, (leaf_hash(entry.octets) for entry in entries))
    checkpoint = Checkpoint(origin=key.name, size=frontier.size, root=frontier.root)
    note = sign_checkpoint(checkpoint, key)
    _insert_batch(connection, entries, first)
    _insert_tree(connection, nodes, checkpoint, note)
    known = dict(zip(cover(0, first), head.frontier.peaks, strict=True)) | nodes
    return Appended(
        head=Head(frontier=frontier, note=note),
        answers=tuple(
            RecordAnswer(
                id=entry.leaf.id,
                index=index,
                leaf=b"",
                proof=_prove(index, checkpoint.size, note, known) if entry.proven else "",
            )
            for index, entry in enumerate(entries, first)
        ),
    )


def answer_again(connection: Connection, entry: Entry, head: Head) -> Answer:
    """The answer for an entry whose id is in the log: what is stored, when both leaves say the same.

    They are refused with `decision_conflict` when they do not. Raises `SQLAlchemyError`.
    """
    query = select(DECISION.c.leaf_index, LEAF.c.bytes).join(LEAF, LEAF.c.idx == DECISION.c.leaf_index)
    row = connection.execute(query.where(DECISION.c.id == entry.leaf.id)).one_or_none()
    if row is None or not _says_the_same(row.bytes, entry):
        return Refusal(
            code="decision_conflict",
            message=f"the log has another decision under the id {entry.leaf.id}",
            remedy="give every decision an id of its own",
            retryable=False,
        )
    try:
        leaf = require_octets(row.bytes, RecordPart.LEAF)
        proof = load_proof(connection, index=row.leaf_index, size=head.frontier.size, note=head.note)
    except RecordCorrupt as error:
        return Refusal(code="log_unavailable", message=error.message, remedy=error.remedy, retryable=True)
    return RecordAnswer(id=entry.leaf.id, index=row.leaf_index, leaf=leaf, proof=render_proof(proof))


def _prove(index: int, size: int, note: str, known: dict[Position, bytes]) -> str:
    path = hash_path(inclusion_path(index, size), known.__getitem__)
    return render_proof(InclusionProof(index=index, hashes=path, checkpoint=note))


def _says_the_same(stored: object, entry: Entry) -> bool:
    """Whether two leaves differ in nothing but the salt under which the caller was marked."""
    try:
        return isinstance(stored, bytes) and replace(parse_leaf(stored), caller=entry.leaf.caller) == entry.leaf
    except InvalidInput:
        return False


def _insert_batch(connection: sqlite3.Connection, entries: Sequence[Entry], first: int) -> None:
    rows: dict[Table, list[Line]] = {DECISION: [], IMAGE: [], FINDING: [], LEAF: [], PREIMAGE: [], BLOB: []}
    contents: dict[Digest, Line] = {}
    for index, entry in enumerate(entries, first):
        rows[DECISION].append(decision_row(entry.leaf, index))
        rows[IMAGE] += image_rows(entry.leaf)
        rows[FINDING] += finding_rows(entry.leaf, entry.findings)
        rows[LEAF].append({"idx": index, "bytes": entry.octets})
        rows[PREIMAGE].append({"id": entry.leaf.id, "salt": entry.salt, "bytes": entry.preimage})
        contents[entry.document.digest] = _blob_row(entry.document, INPUT_TYPE)
        contents[entry.report.digest] = _blob_row(entry.report, REPORT_TYPE)
    rows[BLOB] += contents.values()
    for table, lines in rows.items():
        insert_rows(connection, table, lines)


def _insert_tree(
    connection: sqlite3.Connection, nodes: dict[Position, bytes], checkpoint: Checkpoint, note: str
) -> None:
    hashes: list[Line] = [{"level": at.level, "idx": at.index, "hash": octets} for at, octets in nodes.items()]
    insert_rows(connection, NODE, hashes)
    insert_rows(connection, CHECKPOINT, [{"size": checkpoint.size, "root": checkpoint.root, "note": note}])


def _blob_row(content: Compressed, media_type: str) -> Line:
    return {"sha256": content.digest.text, "media_type": media_type, "size": content.size, "bytes": content.stream}
