import base64
import json
from pathlib import Path

import pytest

from assay.tlog.merkle import (
    EMPTY_FRONTIER,
    EMPTY_ROOT,
    Frontier,
    Position,
    consistency_path,
    cover,
    fold,
    grow,
    inclusion_path,
    leaf_hash,
    node_hash,
)

TESSERA = json.loads(Path("tests/assets/tlog/tessera/expected.json").read_text("utf-8"))


def test_the_roots_of_a_real_log_come_out_at_every_size() -> None:
    frontier = EMPTY_FRONTIER
    roots = [frontier.root]
    for leaf in TESSERA["leaves"]:
        frontier, _ = grow(frontier, [leaf_hash(leaf.encode())])
        roots.append(frontier.root)
    assert roots == [base64.b64decode(item["root"]) for item in TESSERA["checkpoints"]]


def test_growing_at_once_equals_growing_one_by_one() -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(21)]
    at_once, nodes = grow(EMPTY_FRONTIER, hashes)
    frontier, one_by_one = EMPTY_FRONTIER, dict[Position, bytes]()
    for item in hashes:
        frontier, complete = grow(frontier, [item])
        one_by_one |= complete
    assert (frontier, one_by_one) == (at_once, nodes)


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert fold([]) == EMPTY_ROOT == EMPTY_FRONTIER.root


def test_leaves_and_nodes_never_hash_alike() -> None:
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_a_range_is_covered_by_complete_subtrees_from_left_to_right() -> None:
    assert cover(0, 11) == (Position(3, 0), Position(1, 4), Position(0, 10))


def test_the_path_of_a_leaf_starts_at_its_sibling() -> None:
    assert inclusion_path(4, 7) == ((Position(0, 5),), (Position(0, 6),), (Position(2, 0),))


def test_the_path_between_two_trees_is_that_of_the_standard() -> None:
    # RFC 6962, section 2.1.3: PROOF(3, D[7]) = [c, d, g, l] and PROOF(4, D[7]) = [l]
    assert consistency_path(3, 7) == (
        (Position(0, 2),),
        (Position(0, 3),),
        (Position(1, 0),),
        (Position(1, 2), Position(0, 6)),
    )
    assert consistency_path(4, 7) == ((Position(1, 2), Position(0, 6)),)
    assert consistency_path(7, 7) == ()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3)])
def test_there_is_no_path_to_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_path(index, size)


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3), (0, 0)])
def test_there_is_no_path_from_an_empty_or_larger_tree(old: int, size: int) -> None:
    with pytest.raises(ValueError, match="no proof leads"):
        consistency_path(old, size)


@pytest.mark.parametrize(("size", "peaks"), [(-1, ()), (3, (b"x" * 32,)), (1, (b"short",))])
def test_a_frontier_without_the_peaks_of_its_size_cannot_be_built(size: int, peaks: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="peak"):
        Frontier(size=size, peaks=peaks)
    Frontier(size=1, peaks=(b"x" * 32,))
