"""Verification of inclusion and consistency proofs (RFC 9162, sections 2.1.3.2 and 2.1.4.2; the tree of RFC 6962)."""

import hmac
from collections.abc import Sequence

from assay.domain.errors import EvidenceRejected
from assay.tlog.merkle import HASH_OCTETS, node_hash


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return when `proof` leads from the leaf hash at `index` to the root of the tree of `size` leaves.

    Raises `EvidenceRejected(proof_invalid)` otherwise, also for an empty tree and for hashes of another length.
    """
    _require_hashes(leaf, *proof)
    if not 0 <= index < size:
        raise _invalid(f"a tree of {size} leaves has no leaf {index}")
    position, last, folded = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise _invalid("the proof is too long")
        if position & 1 or position == last:
            folded = node_hash(step, folded)
            position, last = _climb(position, last)
        else:
            folded = node_hash(folded, step)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise _invalid("the proof is too short")
    _require_root(folded, root)


def verify_consistency(*, old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Return when `proof` shows that the tree of `old` leaves is the beginning of the tree of `new` leaves.

    Raises `EvidenceRejected(proof_invalid)` otherwise, also for empty trees, empty roots and
    steps of another length than a hash.
    """
    _require_hashes(*proof)
    if not 0 < old <= new:
        raise _invalid(f"no proof leads from {old} to {new} leaves")
    if old == new:
        if proof:
            raise _invalid("trees of one size need no proof")
        _require_root(old_root, new_root)
        return
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    if not steps:
        raise _invalid("the proof is empty")
    old_folded, new_folded = _fold_both(old - 1, new - 1, steps)
    _require_root(old_folded, old_root)
    _require_root(new_folded, new_root)


def _fold_both(position: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes]:
    while position & 1:
        position, last = position >> 1, last >> 1
    old_folded = new_folded = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise _invalid("the proof is too long")
        if position & 1 or position == last:
            old_folded, new_folded = node_hash(step, old_folded), node_hash(step, new_folded)
            position, last = _climb(position, last)
        else:
            new_folded = node_hash(new_folded, step)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise _invalid("the proof is too short")
    return old_folded, new_folded


def _climb(position: int, last: int) -> tuple[int, int]:
    """Skip the levels on which a right-most node has no sibling."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _require_hashes(*hashes: bytes) -> None:
    if any(len(item) != HASH_OCTETS for item in hashes):
        raise _invalid(f"a hash does not have {HASH_OCTETS} bytes")


def _require_root(folded: bytes, root: bytes) -> None:
    if not root or not hmac.compare_digest(folded, root):
        raise _invalid("it leads to another root")


def _invalid(why: str) -> EvidenceRejected:
    return EvidenceRejected(
        "proof_invalid", f"the proof does not hold: {why}", remedy="ask the log for the proof again"
    )
