"""Grants as predicates."""

from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.formats.break_glass import parse_grant
from tests.fakes.grants import NOW, terms

ONE, TWO = Digest.of(b"1"), Digest.of(b"2")


def refused(predicate: dict[str, Any], *digests: Digest) -> bool:
    with pytest.raises(InvalidInput) as caught:
        parse_grant(predicate, digests)
    return caught.value.code == "grant_malformed"


def test_a_grant_says_what_was_written() -> None:
    grant = parse_grant(terms(not_before=NOW, uses=7), [TWO, ONE, ONE])
    assert (set(grant.digests), grant.not_before, grant.uses) == ({ONE, TWO}, NOW.replace(microsecond=0), 7)
    assert (grant.namespaces, grant.ticket, grant.owner) == (("shop",), "OPS-1", "alice")


def test_a_grant_is_known_by_all_of_its_terms() -> None:
    assert parse_grant(terms(), [ONE, TWO]).id == parse_grant(terms(), [TWO, ONE]).id
    others = [parse_grant(terms(), [ONE]), parse_grant(terms(uses=4), [ONE, TWO])]
    assert len({grant.id for grant in [*others, parse_grant(terms(), [ONE, TWO])]}) == 3


@pytest.mark.parametrize("name", sorted(terms()))
def test_no_term_can_be_left_out(name: str) -> None:
    assert refused({key: value for key, value in terms().items() if key != name}, ONE)


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": 1},
        {"reason": "two\nlines"},
        {"reason": "x" * 1001},
        {"namespaces": ["a", "a"]},
        {"namespaces": [1]},
        {"namespaces": [f"n{number}" for number in range(101)]},
        {"expires": "tomorrow"},
        {"expires": "2026-13-21T12:00:00Z"},
        {"expires": "2020-01-01T00:00:00Z"},
        {"uses": 0},
        {"uses": -1},
    ],
)
def test_what_cannot_be_a_grant_is_refused(changes: dict[str, Any]) -> None:
    assert refused({**terms(), **changes}, ONE)
    assert parse_grant(terms(), [ONE])


def test_a_grant_for_nothing_is_refused() -> None:
    assert refused(dict(terms()))
