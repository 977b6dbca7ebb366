"""Appending to the log: the one place that writes decisions, all of a batch in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Table

from assay.adapters.log.entry import Compressed, Entry
from assay.adapters.log.nodes import load_proof
from assay.adapters.log.row import decision_row, finding_rows, image_rows
from assay.adapters.log.schema import BLOB, CHECKPOINT, DECISION, FINDING, IMAGE, LEAF, NODE, PREIMAGE
from assay.adapters.log.statement import Line, insert_rows, select_leaves
from assay.adapters.log.wire import Answer, RecordAnswer, Refusal
from assay.domain.errors import InvalidInput, RecordCorrupt
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
    answers: tuple[Answer, ...]


def append_batch(connection: Connection, entries: Sequence[Entry], *, head: Head, key: SigningKey) -> Appended:
    """Append every entry whose id is new, and answer all of them; nothing holds before the caller commits.

    An id that is in the log already is answered with what is stored when both leaves say the same, and refused with
    `decision_conflict` when they do not. Raises `SQLAlchemyError`.
    """
    stored = _load_stored(connection, [entry.leaf.id for entry in entries])
    fresh: dict[str, Entry] = {}
    for entry in entries:
        if entry.leaf.id not in stored:
            fresh.setdefault(entry.leaf.id, entry)
    first = head.frontier.size
    if fresh:
        frontier, nodes = grow(head.frontier, (leaf_hash(entry.octets) for entry in fresh.values()))
        checkpoint = Checkpoint(origin=key.name, size=frontier.size, root=frontier.root)
        known = dict(zip(cover(0, first), head.frontier.peaks, strict=True)) | nodes
        head = Head(frontier=frontier, note=sign_checkpoint(checkpoint, key))
        _insert_batch(connection, fresh.values(), first)
        _insert_tree(connection, nodes, checkpoint, head.note)
        stored |= {
            entry.leaf.id: _prove(entry.octets, index, head, known) for index, entry in enumerate(fresh.values(), first)
        }
    return Appended(
        head=head, answers=tuple(_answer(connection, entry, stored[entry.leaf.id], head) for entry in entries)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    index: int
    leaf: bytes
    proof: str = ""


def _load_stored(connection: Connection, ids: Sequence[str]) -> dict[str, _Stored]:
    return {row.id: _Stored(index=row.leaf_index, leaf=row.bytes) for row in select_leaves(connection, ids)}


def _prove(leaf: bytes, index: int, head: Head, known: dict[Position, bytes]) -> _Stored:
    path = inclusion_path(index, head.frontier.size)
    proof = InclusionProof(index=index, hashes=hash_path(path, known.__getitem__), checkpoint=head.note)
    return _Stored(index=index, leaf=leaf, proof=render_proof(proof))


def _answer(connection: Connection, entry: Entry, stored: _Stored, head: Head) -> Answer:
    if stored.leaf != entry.octets and not _says_the_same(stored.leaf, entry):
        return Refusal(
            code="decision_conflict",
            message=f"the log has another decision under the id {entry.leaf.id}",
            remedy="give every decision an id of its own",
            retryable=False,
        )
    try:
        proof = stored.proof or _prove_stored(connection, stored.index, head)
    except RecordCorrupt as error:
        return Refusal(code="log_unavailable", message=error.message, remedy=error.remedy, retryable=True)
    return RecordAnswer(id=entry.leaf.id, index=stored.index, leaf=stored.leaf, proof=proof)


def _prove_stored(connection: Connection, index: int, head: Head) -> str:
    return render_proof(load_proof(connection, index=index, size=head.frontier.size, note=head.note))


def _says_the_same(stored: bytes, entry: Entry) -> bool:
    """Whether two leaves differ in nothing but the salt under which the caller was marked."""
    try:
        return replace(parse_leaf(stored), caller=entry.leaf.caller) == entry.leaf
    except InvalidInput:
        return False


def _insert_batch(connection: Connection, entries: Iterable[Entry], first: int) -> None:
    rows: dict[Table, list[Line]] = {DECISION: [], IMAGE: [], FINDING: [], LEAF: [], PREIMAGE: [], BLOB: []}
    for index, entry in enumerate(entries, first):
        rows[DECISION].append(decision_row(entry.leaf, index))
        rows[IMAGE] += image_rows(entry.leaf)
        rows[FINDING] += finding_rows(entry.leaf, entry.findings)
        rows[LEAF].append({"idx": index, "bytes": entry.octets})
        rows[PREIMAGE].append({"id": entry.leaf.id, "salt": entry.salt, "bytes": entry.preimage})
        rows[BLOB] += [_blob_row(entry.document, INPUT_TYPE), _blob_row(entry.report, REPORT_TYPE)]
    for table, lines in rows.items():
        insert_rows(connection, table, lines)


def _insert_tree(connection: Connection, nodes: dict[Position, bytes], checkpoint: Checkpoint, note: str) -> None:
    hashes = [{"level": at.level, "idx": at.index, "hash": octets} for at, octets in nodes.items()]
    insert_rows(connection, NODE, hashes)
    insert_rows(connection, CHECKPOINT, [{"size": checkpoint.size, "root": checkpoint.root, "note": note}])


def _blob_row(content: Compressed, media_type: str) -> dict[str, object]:
    return {"sha256": content.digest.text, "media_type": media_type, "size": content.size, "bytes": content.octets}
