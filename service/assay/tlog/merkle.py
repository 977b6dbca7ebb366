"""The Merkle tree of RFC 6962, section 2.1: hashes, growth, and the paths that proofs are made of.

A tree is stored as its complete subtrees only: node (level, index) covers the 2^level leaves from index * 2^level on,
and never changes once it exists. Everything a proof needs is folded from such nodes.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

HASH_OCTETS = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a complete subtree is: level 0 are the leaves."""

    level: int
    index: int


Span = tuple[Position, ...]
"""A range of leaves as complete subtrees, left to right."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash a leaf: SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash an interior node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Hash complete subtrees, given left to right and each smaller than the one before, into the one above them all."""
    if not hashes:
        return EMPTY_ROOT
    *rest, folded = hashes
    for left in reversed(rest):
        folded = node_hash(left, folded)
    return folded


def cover(start: int, end: int) -> Span:
    """The complete subtrees of the leaves from `start` up to `end`, largest first.

    `start` must be a multiple of the largest power of two that fits in between, as it is in every proof.
    """
    positions = []
    while start < end:
        level = (end - start).bit_length() - 1
        positions.append(Position(level, start >> level))
        start += 1 << level
    return tuple(positions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """All that is needed to let a tree grow: its size and the hashes of `cover(0, size)`."""

    size: int
    peaks: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves does not have {len(self.peaks)} peaks")
        if any(len(peak) != HASH_OCTETS for peak in self.peaks):
            raise ValueError("a peak is not a SHA-256 hash")

    @property
    def root(self) -> bytes:
        """The root hash; of an empty tree the hash of nothing (RFC 6962, section 2.1)."""
        return fold(self.peaks)


EMPTY_FRONTIER = Frontier(size=0, peaks=())


def grow(frontier: Frontier, leaf_hashes: Iterable[bytes]) -> tuple[Frontier, dict[Position, bytes]]:
    """Append leaves by their hashes; returns the new frontier and every node that became complete."""
    size, peaks, nodes = frontier.size, list(frontier.peaks), dict[Position, bytes]()
    for appended in leaf_hashes:
        level, complete = 0, appended
        nodes[Position(0, size)] = complete
        while size >> level & 1:
            complete = node_hash(peaks.pop(), complete)
            level += 1
            nodes[Position(level, size >> level)] = complete
        peaks.append(complete)
        size += 1
    return Frontier(size=size, peaks=tuple(peaks)), nodes


def inclusion_path(index: int, size: int) -> tuple[Span, ...]:
    """The spans whose hashes prove that leaf `index` is in the tree of `size` leaves, the leaf's sibling first.

    RFC 6962, section 2.1.1. `ValueError` unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    spans, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return tuple(cover(*span) for span in reversed(spans))


def consistency_path(old: int, size: int) -> tuple[Span, ...]:
    """The spans whose hashes prove that the tree of `old` leaves is the beginning of that of `size` leaves.

    RFC 6962, section 2.1.2. `ValueError` unless 0 < old <= size.
    """
    if not 0 < old <= size:
        raise ValueError(f"no proof leads from {old} to {size} leaves")
    spans, start, end = [], 0, size
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if start:
        spans.append((start, end))
    return tuple(cover(*span) for span in reversed(spans))


def hash_path(path: Sequence[Span], node: Callable[[Position], bytes]) -> tuple[bytes, ...]:
    """The hashes of a path, each span folded from the nodes that `node` knows."""
    return tuple(fold([node(position) for position in span]) for span in path)


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1
