"""Quorums: what they come down to, and which cannot be."""

import pytest

from assay.domain.quorum import MOST_AUTHORITIES, Demand, Quorum

BOARD = Quorum(authorities=("a", "b", "c"), threshold=2, required=("a",))


def demands(quorum: Quorum) -> list[tuple[str, int]]:
    return [("".join(demand.names), demand.count) for demand in quorum.demands()]


@pytest.mark.parametrize(
    ("threshold", "required", "expected"),
    [
        (1, (), [("abc", 1)]),
        (2, (), [("ab", 1), ("ac", 1), ("bc", 1), ("abc", 2)]),
        (3, (), [("a", 1), ("b", 1), ("c", 1), ("ab", 2), ("ac", 2), ("bc", 2), ("abc", 3)]),
        (2, ("a",), [("a", 1), ("bc", 1), ("abc", 2)]),
        (2, ("a", "b"), [("a", 1), ("b", 1), ("ab", 2)]),
        (1, ("c",), [("c", 1)]),
    ],
)
def test_a_quorum_is_numbers_of_different_signers(
    threshold: int, required: tuple[str, ...], expected: list[tuple[str, int]]
) -> None:
    assert demands(Quorum(authorities=("c", "a", "b"), threshold=threshold, required=required)) == expected


@pytest.mark.parametrize(
    ("authorities", "threshold", "required"),
    [
        ((), 1, ()),
        (tuple(map(str, range(MOST_AUTHORITIES + 1))), 1, ()),
        (("a", "a", "b"), 2, ()),
        (("a", "b", "c"), 2, ("a", "a")),
        (("a", "b", "c"), 2, ("d",)),
        (("a", "b", "c"), 0, ()),
        (("a", "b", "c"), 4, ()),
        (("a", "b", "c"), 1, ("a", "b")),
    ],
)
def test_a_quorum_that_cannot_be_meant_is_none(
    authorities: tuple[str, ...], threshold: int, required: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"quorum|authority|threshold"):
        Quorum(authorities=authorities, threshold=threshold, required=required)
    assert BOARD.demands()


def test_the_largest_quorum_stays_small() -> None:
    names = tuple(map(str, range(MOST_AUTHORITIES)))
    for threshold in range(1, MOST_AUTHORITIES + 1):
        assert len(Quorum(authorities=names, threshold=threshold).demands()) < 2**MOST_AUTHORITIES


@pytest.mark.parametrize(("names", "count"), [((), 1), (("a",), 0)])
def test_a_demand_demands_something(names: tuple[str, ...], count: int) -> None:
    with pytest.raises(ValueError, match="demand"):
        Demand(names=names, count=count)
