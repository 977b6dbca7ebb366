"""What the store says of a stale allow holds for a second; while somebody asks, it is asked again before that ends."""

import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from assay.domain.errors import Unavailable
from assay.domain.kept_verdict import KeptVerdict
from assay.domain.verdict_key import VerdictKey
from assay.usecases.memory import Memory
from assay.usecases.recollection import find_fresh, remember_stored
from assay.usecases.staleness import find_stale
from tests.fakes.clock import MovingClock
from tests.fakes.engine import LOADED, World
from tests.fakes.immediate_flights import ImmediateFlights
from tests.fakes.kept_verdict import KEY, kept_verdict
from tests.fakes.policy import ENVIRONMENT, NOW, TENANT
from tests.fakes.verdict_store import MemoryStore
from tests.fixtures.polling import SECONDS, eventually

BOUNDED = replace(LOADED, stale_listing={(TENANT, ENVIRONMENT): timedelta(seconds=600)})
DOWN = Unavailable("cache_unavailable", "down", remedy="clear it")


@dataclass
class Watched(MemoryStore):
    """A store that counts what it is asked, and answers while it is let."""

    asked: int = 0
    let: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.let.set()

    def find(self, key: VerdictKey) -> KeptVerdict | None:
        self.asked += 1
        assert self.let.wait(SECONDS)
        return super().find(key)


@dataclass
class Desk:
    """A world in whose store one allow is kept, whose listing is 100 seconds old; its registry does not answer."""

    store: Watched = field(default_factory=Watched)
    clock: MovingClock = field(default_factory=lambda: MovingClock(wall=NOW + timedelta(seconds=100)))

    def __post_init__(self) -> None:
        self.store.keep(kept_verdict())
        memory = Memory(store=self.store, confirmations=ImmediateFlights(slots=2, per_host=2))
        self.world = World(clock=self.clock, memory=memory)
        self.world.policy.policy = BOUNDED

    def wait(self) -> bool:
        """Whether who may wait is given the allow."""
        return find_stale(self.world.engine(), KEY, self.clock.now()) is not None

    def soon(self) -> bool:
        """Whether who may not wait is given the allow."""
        return find_stale(self.world.engine(), KEY, self.clock.now(), may_wait=False) is not None


@pytest.fixture
def desk() -> Desk:
    """One at which somebody has just waited for the store."""
    desk = Desk()
    assert desk.wait()
    return desk


def test_who_may_not_wait_is_given_nothing_before_the_store_was_asked() -> None:
    desk = Desk()
    assert (desk.soon(), desk.store.asked) == (False, 0)
    assert (desk.wait(), desk.soon(), desk.store.asked) == (True, True, 1)


def test_a_confirmation_that_is_half_over_is_renewed(desk: Desk) -> None:
    for asked in (2, 3, 4):
        desk.clock.pass_time(0.4)
        assert (desk.soon(), desk.store.asked) == (True, asked - 1)
        desk.clock.pass_time(0.2)
        assert (desk.soon(), desk.store.asked) == (True, asked)


def test_a_confirmation_that_nobody_asked_for_in_time_is_waited_for(desk: Desk) -> None:
    desk.clock.pass_time(1)
    assert (desk.soon(), desk.store.asked) == (False, 1)
    assert (desk.wait(), desk.soon(), desk.store.asked) == (True, True, 2)


def test_many_who_ask_have_the_store_asked_once_and_wait_for_nobody(desk: Desk) -> None:
    memory = desk.world.memory = Memory(store=desk.store)
    assert desk.wait()
    desk.store.let.clear()
    desk.clock.pass_time(0.6)
    assert [desk.soon() for _ in range(5)] == [True] * 5
    eventually(lambda: desk.store.asked == 3, "the store is asked again")
    desk.clock.pass_time(0.3)
    assert (desk.soon(), desk.store.asked) == (True, 3)
    until = memory.confirmed.get(KEY)
    desk.store.let.set()
    eventually(lambda: memory.confirmed.get(KEY) != until, "the confirmation is renewed")
    assert (desk.soon(), desk.store.asked) == (True, 3)


def test_a_store_that_stands_still_lengthens_nothing(desk: Desk) -> None:
    desk.world.memory = Memory(store=desk.store)
    assert desk.wait()
    desk.store.let.clear()
    desk.clock.pass_time(0.9)
    assert desk.soon()
    desk.clock.pass_time(0.1)
    assert not desk.soon()
    desk.store.let.set()
    assert desk.wait()


def test_what_the_store_says_holds_from_the_moment_it_was_asked(desk: Desk) -> None:
    def take_long(kept: KeptVerdict | None) -> KeptVerdict | None:
        desk.clock.pass_time(0.3)
        return kept

    desk.store.answer = take_long
    desk.clock.pass_time(0.6)
    asked_at = desk.clock.monotonic()
    assert desk.soon()
    desk.clock.seconds = asked_at + 1
    assert not desk.soon()


def _forget(store: Watched) -> None:
    store.kept.clear()


def _break(store: Watched) -> None:
    store.error = DOWN


def _swap(store: Watched) -> None:
    store.answer = lambda _: kept_verdict(key=replace(KEY, reader="another"))


@pytest.mark.parametrize("change", [_forget, _break, _swap])
def test_a_store_that_does_not_say_so_any_more_ends_it_before_the_second_is_over(
    desk: Desk, change: Callable[[Watched], None]
) -> None:
    desk.clock.pass_time(0.6)
    change(desk.store)
    desk.soon()
    assert not desk.soon()
    assert not desk.wait()
    desk.store.error, desk.store.answer = None, lambda kept: kept
    desk.store.keep(kept_verdict())
    assert desk.wait()


def test_what_the_store_kept_of_a_push_before_is_not_asked_for(desk: Desk) -> None:
    pushed = replace(KEY, epoch="after the push")
    assert find_stale(desk.world.engine(), pushed, desk.clock.now(), may_wait=False) is None
    assert find_stale(desk.world.engine(), pushed, desk.clock.now()) is None
    assert desk.soon()


def test_a_newer_listing_of_the_store_is_taken_and_an_older_one_is_not(desk: Desk) -> None:
    engine, life = desk.world.engine(), timedelta(seconds=60)
    newer = kept_verdict(listed=NOW + life, decided=NOW)
    assert remember_stored(engine, deepcopy(newer)) == newer
    assert remember_stored(engine, kept_verdict()) == newer
    assert desk.world.memory.verdicts.get(KEY) == newer


def test_what_was_found_stays_the_very_same_while_its_equal_is_listed_again(desk: Desk) -> None:
    known = desk.world.memory.verdicts.get(KEY)
    assert known is not None
    desk.store.keep(deepcopy(replace(known, listed=NOW + timedelta(seconds=60))))
    assert find_fresh(desk.world.engine(), KEY, desk.clock.now()) is known.found
    other = replace(known.found, facts=replace(known.found.facts, source_commit=""))
    desk.store.keep(replace(known, found=other, listed=NOW + timedelta(seconds=90)))
    desk.clock.pass_time(30)
    assert find_fresh(desk.world.engine(), KEY, desk.clock.now()) is other


def test_what_was_ended_is_not_brought_back_by_the_store(desk: Desk) -> None:
    engine, memory = desk.world.engine(), desk.world.memory
    memory.ended.put(KEY, NOW)
    assert remember_stored(engine, kept_verdict()) is None
    assert memory.verdicts.get(KEY) is None
    listed_since = kept_verdict(listed=NOW + timedelta(seconds=1))
    assert remember_stored(engine, listed_since) == listed_since
