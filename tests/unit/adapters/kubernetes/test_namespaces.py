"""Namespaces are listed, watched, confirmed and forgotten in time."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from assay.adapters.kubernetes.namespaces import NamespaceWatch
from assay.domain.errors import Unavailable
from tests.fakes.clock import MovingClock
from tests.fakes.kubernetes_api import Reply, ScriptedApi, events, namespace, namespace_list, reply
from tests.fakes.metrics import CountingMetrics
from tests.fixtures.polling import eventually

LIST, WATCH = "/api/v1/namespaces", "/api/v1/namespaces?watch"
MAX_AGE = 60.0


@dataclass
class StrangeClock(MovingClock):
    """A clock that moves by itself between two looks, or breaks."""

    step: float = 0.0
    broken: bool = False

    def monotonic(self) -> float:
        if self.broken:
            raise ZeroDivisionError
        self.seconds += self.step
        return self.seconds


@dataclass(kw_only=True)
class Followed:
    """A watch in a thread, its clock and its counters."""

    api: ScriptedApi
    clock: StrangeClock = field(default_factory=lambda: StrangeClock(datetime(2026, 11, 21, tzinfo=UTC)))
    metrics: CountingMetrics = field(default_factory=CountingMetrics)
    stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> NamespaceWatch:
        watch = NamespaceWatch(self.api.connection, clock=self.clock, metrics=self.metrics, max_age_seconds=MAX_AGE)
        watch.follow(self.stop)
        return watch

    def until(self, outcome: str, times: int = 1) -> None:
        eventually(lambda: self.metrics.watches[outcome] >= times, f"{times} times {outcome}")


@pytest.fixture
def followed(api: ScriptedApi) -> Followed:
    api.script(LIST, namespace_list("7", namespace("team-a", "3", tier="gold"), namespace("team-b", "4")))
    api.script(WATCH, events())
    return Followed(api=api)


def refusal(watch: NamespaceWatch, name: str) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        watch.find(name)
    assert caught.value.code == "namespace_unknown"
    return caught.value


def run(followed: Followed, look: Callable[[NamespaceWatch], None]) -> None:
    watch = followed.start()
    try:
        look(watch)
    finally:
        followed.stop.set()


def test_what_was_listed_is_known_and_the_watch_goes_on_from_there(followed: Followed) -> None:
    def look(watch: NamespaceWatch) -> None:
        followed.until("watched")
        assert watch.find("team-a").labels == (("tier", "gold"),)
        assert watch.find("team-b").labels == ()
        assert "team-c" in refusal(watch, "team-c").message
        assert followed.api.queries(LIST)[1]["resourceVersion"] == ["7"]
        assert not watch.late()

    run(followed, look)


def test_a_long_list_is_read_page_by_page(followed: Followed) -> None:
    pages = namespace_list("7", namespace("one", "3"), more="next"), namespace_list("7", namespace("two", "4"))
    followed.api.script(LIST, *pages)

    def look(watch: NamespaceWatch) -> None:
        followed.until("listed")
        assert {watch.find(name).name for name in ("one", "two")} == {"one", "two"}
        assert [query.get("continue") for query in followed.api.queries(LIST)][:2] == [None, ["next"]]

    run(followed, look)


def test_events_change_what_is_known(followed: Followed) -> None:
    changes = events(
        {"type": "ADDED", "object": namespace("team-c", "8")},
        {"type": "MODIFIED", "object": namespace("team-a", "9", tier="lead")},
        {"type": "DELETED", "object": namespace("team-b", "10")},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "11"}}},
    )
    followed.api.script(WATCH, changes, events())

    def look(watch: NamespaceWatch) -> None:
        followed.until("watched", 2)
        assert watch.find("team-a").labels == (("tier", "lead"),)
        assert watch.find("team-c")
        refusal(watch, "team-b")
        versions = [query["resourceVersion"] for query in followed.api.queries(LIST) if "watch" in query]
        assert versions[:2] == [["7"], ["11"]]

    run(followed, look)


@pytest.mark.parametrize(
    "forgotten",
    [Reply(status=410), events({"type": "ERROR", "object": {"code": 410}}), events({"type": "NEW", "object": {}})],
)
def test_everything_is_listed_again_when_the_place_is_lost(followed: Followed, forgotten: Reply) -> None:
    renewed = namespace_list("20", namespace("team-z", "19"))
    followed.api.script(LIST, *followed.api.replies[LIST], renewed)
    followed.api.script(WATCH, forgotten, events())

    def look(watch: NamespaceWatch) -> None:
        followed.until("listed", 2)
        assert watch.find("team-z")
        refusal(watch, "team-a")

    run(followed, look)


def test_what_is_not_confirmed_any_more_does_not_count(followed: Followed) -> None:
    followed.api.script(WATCH, Reply(status=500))

    def look(watch: NamespaceWatch) -> None:
        followed.until("failed")
        assert watch.find("team-a")
        followed.clock.pass_time(MAX_AGE + 1)
        assert "500" in refusal(watch, "team-a").message
        assert "not confirmed" in watch.late()
        bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "11"}}}
        followed.api.script(WATCH, events(bookmark), events())
        eventually(lambda: not watch.late(), "another confirmation")
        assert watch.find("team-a")

    run(followed, look)


def test_a_watch_confirms_when_it_lasted_as_long_as_it_should_and_not_when_it_was_cut_short(api: ScriptedApi) -> None:
    followed = Followed(api=api)
    watch = NamespaceWatch(api.connection, clock=followed.clock, metrics=followed.metrics, max_age_seconds=MAX_AGE)
    api.script(LIST, namespace_list("7"))
    api.script(WATCH, events())
    watch.turn(followed.stop)
    watch.turn(followed.stop)
    assert len(followed.metrics.confirmed) == 1
    followed.clock.step = 15.0
    watch.turn(followed.stop)
    assert len(followed.metrics.confirmed) == 2


def test_before_the_first_list_nothing_is_known(followed: Followed) -> None:
    followed.api.script(LIST, Reply(status=403))

    def look(watch: NamespaceWatch) -> None:
        followed.until("failed")
        assert "refuses" in refusal(watch, "team-a").message

    run(followed, look)


@pytest.mark.parametrize("answer", [Reply(status=404), reply({"items": []}), reply({"metadata": {}, "items": 1})])
def test_a_list_that_cannot_be_used_is_a_failure(followed: Followed, answer: Reply) -> None:
    followed.api.script(LIST, answer)

    def look(watch: NamespaceWatch) -> None:
        followed.until("failed")
        assert refusal(watch, "team-a").retryable

    run(followed, look)


def test_a_list_without_an_end_is_given_up(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.adapters.kubernetes.namespaces._PAGES", 2)
    followed = Followed(api=api)
    api.script(LIST, namespace_list("7", more="again"))
    watch = NamespaceWatch(api.connection, clock=followed.clock, metrics=followed.metrics, max_age_seconds=MAX_AGE)
    assert watch.turn(followed.stop) == "failed"
    assert len(api.calls) == 2


def test_an_unexpected_error_ends_a_turn_and_not_the_thread(followed: Followed) -> None:
    followed.clock.broken = True

    def look(watch: NamespaceWatch) -> None:
        followed.until("internal")
        followed.clock.broken = False
        eventually(lambda: not watch.late(), "the list after the error")
        assert watch.find("team-a")

    run(followed, look)


def test_a_namespace_that_was_created_a_moment_ago_is_waited_for(followed: Followed) -> None:
    def look(watch: NamespaceWatch) -> None:
        followed.until("listed")
        followed.api.script(WATCH, events({"type": "ADDED", "object": namespace("new", "8")}), events())
        assert eventually(lambda: _found(watch, "new"), "the new namespace")

    run(followed, look)


def _found(watch: NamespaceWatch, name: str) -> bool:
    try:
        return watch.find(name).name == name
    except Unavailable:
        return False
