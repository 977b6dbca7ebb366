"""Grants: what they must say, and when they hold."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assay.domain.break_glass import Grant, GrantStanding, Situation, first_to_expire
from assay.domain.digest import Digest
from assay.formats.break_glass import parse_grant
from tests.fakes.grants import NOW, RULES, terms
from tests.fakes.policy import ENVIRONMENT, TENANT

GRANT = parse_grant(terms(), [Digest.of(b"image")])
HERE = Situation(tenant=TENANT, environment=ENVIRONMENT, namespace="shop", time=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"digests": ()},
        {"namespaces": ()},
        {"namespaces": ("",)},
        {"reason": " "},
        {"ticket": ""},
        {"owner": ""},
        {"tenant": ""},
        {"environment": ""},
        {"uses": 0},
        {"expires": GRANT.not_before},
    ],
)
def test_a_grant_that_grants_or_explains_nothing_cannot_be_built(changes: dict[str, Any]) -> None:
    assert replace(GRANT, uses=1)
    with pytest.raises(ValueError, match="a grant"):
        replace(GRANT, **changes)


def test_a_grant_holds_from_its_beginning_until_just_before_its_end() -> None:
    assert HERE.objection(GRANT) == ""
    assert replace(HERE, time=GRANT.not_before).objection(GRANT) == ""
    second = timedelta(seconds=1)
    assert all(replace(HERE, time=time).objection(GRANT) for time in (GRANT.not_before - second, GRANT.expires))


@pytest.mark.parametrize("elsewhere", [{"tenant": "x"}, {"environment": "x"}, {"namespace": "x"}])
def test_a_grant_holds_nowhere_else(elsewhere: dict[str, Any]) -> None:
    assert replace(HERE, **elsewhere).objection(GRANT)


def test_rules_bound_time_and_uses() -> None:
    assert RULES.objection(GRANT) == ""
    longest = replace(GRANT, expires=GRANT.not_before + RULES.longest)
    assert RULES.objection(longest) == ""
    assert RULES.objection(replace(longest, expires=longest.expires + timedelta(seconds=1)))
    assert RULES.objection(replace(GRANT, uses=RULES.most_uses)) == ""
    assert RULES.objection(replace(GRANT, uses=RULES.most_uses + 1))


def test_a_grant_ends_when_it_is_used_up_or_revoked() -> None:
    assert GrantStanding(uses=GRANT.uses - 1, revoked="").objection(GRANT) == ""
    assert GrantStanding(uses=GRANT.uses, revoked="").objection(GRANT)
    assert "over" in GrantStanding(uses=0, revoked="over").objection(GRANT)


def test_the_grant_that_ends_first_is_used_first() -> None:
    later: Grant = replace(GRANT, expires=GRANT.expires + timedelta(hours=1))
    assert first_to_expire([later, GRANT]) == (GRANT, later)
