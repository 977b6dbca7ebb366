"""Work that several wait for: one flight for each key, bounded for each host and for all."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from assay.usecases.flight import Flights
from tests.fixtures.polling import eventually

PATIENCE = 60.0


@dataclass
class Work:
    """Work that ends when it is let; counts what runs at the same time."""

    let: threading.Event = field(default_factory=threading.Event)
    running: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, host: str) -> Callable[[], str]:
        def work() -> str:
            with self.lock:
                self.running[host] += 1
                self.most[host] = max(self.most[host], self.running[host])
                self.most["all"] = max(self.most["all"], self.running.total())
            assert self.let.wait(PATIENCE)
            with self.lock:
                self.running[host] -= 1
            return host

        return work

    def wait_for(self, number: int) -> None:
        eventually(lambda: self.running.total() >= number, f"{number} at work")


def test_one_flight_serves_all_who_join_and_nothing_is_remembered() -> None:
    flights, work = Flights(), Work()
    first, joined = flights.join("key", "one", work.at("one"))
    second, again = flights.join("key", "one", pytest.fail)
    assert (joined, again, first is second) == (False, True, True)
    work.let.set()
    assert first.result(PATIENCE) == "one"
    assert flights.join("key", "one", lambda: "two")[0].result(PATIENCE) == "two"


def test_what_goes_wrong_is_raised_to_all_and_the_next_one_tries_again() -> None:
    flights = Flights()

    def fail() -> str:
        raise RuntimeError("unforeseen")

    landing, _ = flights.join("key", "one", fail)
    with pytest.raises(RuntimeError, match="unforeseen"):
        landing.result(PATIENCE)
    assert flights.join("key", "one", lambda: "good")[0].result(PATIENCE) == "good"


def test_a_host_that_stands_still_holds_up_nobody_else() -> None:
    flights, stuck, free = Flights(slots=4, per_host=2), Work(), Work()
    waiting = [flights.join(number, "stuck", stuck.at("stuck"))[0] for number in range(9)]
    stuck.wait_for(2)
    free.let.set()
    others = [flights.join(f"free {number}", "free", free.at("free"))[0] for number in range(9)]
    assert [other.result(PATIENCE) for other in others] == ["free"] * 9
    assert not any(item.done() for item in waiting)
    stuck.let.set()
    assert [item.result(PATIENCE) for item in waiting] == ["stuck"] * 9
    assert stuck.most["stuck"] == 2


def test_no_more_than_the_slots_are_ever_taken() -> None:
    flights, work = Flights(slots=3, per_host=2), Work()
    landings = [flights.join((host, number), host, work.at(host))[0] for number in range(4) for host in "abc"]
    work.wait_for(3)
    work.let.set()
    assert len([landing.result(PATIENCE) for landing in landings]) == 12
    assert work.most["all"] <= 3


def test_a_process_without_threads_left_tells_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    flights = Flights()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        landing, _ = flights.join("key", "one", lambda: "one")
        with pytest.raises(RuntimeError, match="new thread"):
            landing.result(0)
    assert flights.join("key", "one", lambda: "one")[0].result(PATIENCE) == "one"
