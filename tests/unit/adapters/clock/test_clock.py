"""The system's clocks and identifiers."""

from datetime import UTC, datetime, timedelta

from assay.adapters.clock import SystemClock, new_identifier, random_share
from assay.domain.ulid import is_ulid


def test_the_time_is_now_and_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)


def test_the_monotonic_clock_never_goes_back() -> None:
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


def test_identifiers_are_ulids_of_their_own() -> None:
    made = {new_identifier() for _ in range(100)}
    assert len(made) == 100
    assert all(is_ulid(item) for item in made)


def test_random_shares_lie_between_nothing_and_everything() -> None:
    shares = [random_share() for _ in range(100)]
    assert all(0 <= share < 1 for share in shares)
    assert len(set(shares)) > 90
