"""What must hold before the sequencer signs again: the stored tree is the one that was signed, whole and not older."""

import secrets

from sqlalchemy import Connection, Engine, func, select

from assay.adapters.log.ledger import Head
from assay.adapters.log.nodes import (
    load_frontier,
    load_last_checkpoint,
    load_nodes,
    load_proof,
    load_root,
    require_octets,
)
from assay.adapters.log.schema import DECISION, LEAF
from assay.adapters.log.state import StateFolder
from assay.domain.errors import ConfigError, EvidenceRejected, RecordCorrupt, RecordPart
from assay.tlog.checkpoint import Checkpoint, parse_untrusted_checkpoint, sign_checkpoint, verify_checkpoint
from assay.tlog.merkle import EMPTY_FRONTIER, Position, leaf_hash
from assay.tlog.note import SigningKey, is_key_name
from assay.tlog.path import verify_inclusion

_RECENT_LEAVES = 64


def open_log(engine: Engine, state: StateFolder, origin: str) -> tuple[SigningKey, Head]:
    """Make the log at the first start, check it at every other; returns its key and its head.

    Raises `ConfigError`: `log_truncated` when the database is older than what was signed, `log_forked` when it is
    another tree, `log_damaged` when it does not agree with itself, `checkpoint_key_missing` when the key of a log with
    records is gone, and those of `StateFolder.read_key`.
    """
    if not is_key_name(origin):
        raise ConfigError(
            "origin_malformed",
            f"{origin!r} cannot name a log",
            remedy="set an origin without blanks and plus signs, such as example.org/assay/main",
        )
    key = state.read_key(origin)
    with engine.begin() as connection:
        if key is None:
            key = _found_log(connection, state, origin)
        state.write_verifier_key(key)
        return key, check_log(connection, state, key)


def check_log(connection: Connection, state: StateFolder, key: SigningKey) -> Head:
    """Compare tree, counts, recent leaves and the remembered checkpoint; returns the head to go on from."""
    try:
        head = _load_head(connection, key)
        _check_counts(connection, head.frontier.size)
        _check_recent_leaves(connection, head)
        _check_remembered(connection, state, key, head.frontier.size)
    except (RecordCorrupt, EvidenceRejected) as error:
        raise _refuse("log_damaged", error.message) from error
    return head


def _found_log(connection: Connection, state: StateFolder, origin: str) -> SigningKey:
    remembered = state.read_kept()
    try:
        is_new = remembered is None or parse_untrusted_checkpoint(remembered).size == 0
    except EvidenceRejected:
        is_new = False
    if not is_new or _count(connection) != (0, 0) or load_last_checkpoint(connection) is not None:
        raise ConfigError(
            "checkpoint_key_missing",
            f"{state.key} is gone, but the log has records",
            remedy="restore the key; a log cannot go on under another",
        )
    key = SigningKey(name=origin, seed=secrets.token_bytes(32))
    state.forget_latest()
    state.keep_checkpoint(_sign_empty(key))
    state.write_key(key)
    return key


def _load_head(connection: Connection, key: SigningKey) -> Head:
    row = load_last_checkpoint(connection)
    if row is None:
        return Head(frontier=EMPTY_FRONTIER, note=_sign_empty(key))
    signed = verify_checkpoint(str(row.note), key.verifier_key)
    frontier = load_frontier(connection, signed.size)
    if (row.size, row.root) != (signed.size, signed.root) or frontier.root != signed.root:
        raise _refuse("log_damaged", f"the tree of {signed.size} leaves is not the one that was signed")
    return Head(frontier=frontier, note=row.note)


def _check_counts(connection: Connection, size: int) -> None:
    counts = _count(connection)
    if counts != (size, size):
        raise _refuse(
            "log_damaged", f"the checkpoint signs {size} leaves, there are {counts[0]} and {counts[1]} decisions"
        )
    highest = connection.execute(select(func.max(LEAF.c.idx))).scalar_one()
    highest_decision = connection.execute(select(func.max(DECISION.c.leaf_index))).scalar_one()
    if size and (highest, highest_decision) != (size - 1, size - 1):
        raise _refuse("log_damaged", "the leaves are not numbered without holes")


def _check_recent_leaves(connection: Connection, head: Head) -> None:
    size = head.frontier.size
    first = max(0, size - _RECENT_LEAVES)
    nodes = load_nodes(connection, (Position(0, index) for index in range(first, size)))
    for row in connection.execute(select(LEAF).where(LEAF.c.idx >= first)):
        hashed = leaf_hash(require_octets(row.bytes, RecordPart.LEAF))
        if hashed != nodes[Position(0, row.idx)]:
            raise _refuse("log_damaged", f"leaf {row.idx} is not the one that was hashed")
        proof = load_proof(connection, index=row.idx, size=size, note=head.note)
        verify_inclusion(leaf=hashed, index=row.idx, size=size, proof=proof.hashes, root=head.frontier.root)


def _check_remembered(connection: Connection, state: StateFolder, key: SigningKey, size: int) -> None:
    notes = state.read_checkpoints(key.verifier_key)
    if not notes:
        raise _refuse("log_truncated", f"{state.checkpoint}, which remembers the last checkpoint, is gone")
    for note in notes:
        remembered = verify_checkpoint(note, key.verifier_key)
        if remembered.size > size:
            raise _refuse("log_truncated", f"{remembered.size} leaves were signed, the database has {size}")
        if load_root(connection, remembered.size) != remembered.root:
            raise _refuse("log_forked", f"the first {remembered.size} leaves are not those that were signed")


def _count(connection: Connection) -> tuple[int, int]:
    leaves = connection.execute(select(func.count()).select_from(LEAF)).scalar_one()
    decisions = connection.execute(select(func.count()).select_from(DECISION)).scalar_one()
    return leaves, decisions


def _sign_empty(key: SigningKey) -> str:
    return sign_checkpoint(Checkpoint(origin=key.name, size=0, root=EMPTY_FRONTIER.root), key)


def _refuse(code: str, why: str) -> ConfigError:
    return ConfigError(
        code,
        f"the decision log must not go on: {why}",
        remedy="restore the newest state folder, or start a new log in another folder under another origin",
    )
