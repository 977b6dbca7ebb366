"""Which rules count, how far, and from when on."""

from datetime import UTC, datetime, timedelta

import pytest

from assay.domain.decision import Stage
from assay.domain.policy import Mode
from tests.fakes.policy import ENVIRONMENT, NOW, TENANT, policy, rule

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAST = rule("past.rule", effective_on=NOW - timedelta(hours=1))
NEAR = rule("near.rule", effective_on=NOW + timedelta(hours=1))
ALWAYS = rule("always.rule")
SECONDS = int(NOW.timestamp())


def test_without_dates_nothing_ever_changes() -> None:
    assert policy(ALWAYS).since(NOW) == EPOCH


def test_rules_change_at_the_second_of_a_date() -> None:
    loaded = policy(PAST, NEAR, ALWAYS)
    assert NEAR.effective_on is not None
    before = NEAR.effective_on - timedelta(seconds=1)
    assert [loaded.since(at) for at in (NOW, before, NEAR.effective_on)] == [
        PAST.effective_on,
        PAST.effective_on,
        NEAR.effective_on,
    ]


def test_from_one_date_to_the_next_the_same_rules_are_selected() -> None:
    loaded = policy(PAST, NEAR, ALWAYS)
    for minutes in range(-120, 120, 7):
        moment = NOW + timedelta(minutes=minutes)
        named = [int(time.timestamp()) for time in (moment, loaded.since(moment))]
        assert len({loaded.selected(TENANT, ENVIRONMENT, Stage.EVIDENCE, at) for at in named}) == 1


@pytest.mark.parametrize(
    ("mode", "selected"), [(Mode.OFF, False), (Mode.SHADOW, True), (Mode.WARN, True), (Mode.ENFORCE, True)]
)
def test_a_mode_that_is_given_is_the_one_that_counts(mode: Mode, *, selected: bool) -> None:
    loaded = policy(ALWAYS, modes={ALWAYS.code: mode})
    assert loaded.mode(TENANT, ENVIRONMENT, ALWAYS.code, SECONDS) is mode
    assert (ALWAYS.code in loaded.selected(TENANT, ENVIRONMENT, Stage.EVIDENCE, SECONDS)) is selected


def test_a_mandatory_rule_is_enforced_unless_told_otherwise() -> None:
    assert policy(ALWAYS).mode(TENANT, ENVIRONMENT, ALWAYS.code, SECONDS) is Mode.ENFORCE


@pytest.mark.parametrize("mandatory", [(), (NEAR.code,)])
def test_a_rule_that_does_not_bind_yet_warns_at_most(mandatory: tuple[str, ...]) -> None:
    assert policy(NEAR, mandatory=mandatory).mode(TENANT, ENVIRONMENT, NEAR.code, SECONDS) is Mode.WARN
    shadow = policy(NEAR, mandatory=mandatory, modes={NEAR.code: Mode.SHADOW})
    assert shadow.mode(TENANT, ENVIRONMENT, NEAR.code, SECONDS) is Mode.SHADOW
