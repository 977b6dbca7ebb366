"""A list is read, watched, confirmed, read again when its place is lost, and forgotten in time."""

import threading
from dataclasses import replace

import pytest

from assay.adapters.kubernetes.list_watch import ListWatch
from assay.adapters.kubernetes.namespaces import NAMESPACES
from tests.fakes.kubernetes_api import Reply, ScriptedApi, events, namespace, namespace_list, reply
from tests.fixtures.polling import eventually
from tests.unit.adapters.kubernetes.conftest import LIST, MAX_AGE, WATCH, Followed

GOLD = {("", "team-a"): (("tier", "gold"),), ("", "team-b"): ()}


class CountedStop(threading.Event):
    """Stops after so many waits, none of which lasts; `pauses` are how long they would have."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self.turns = turns
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0.0)
        return len(self.pauses) > self.turns


def pauses(followed: Followed, turns: int) -> list[float]:
    """The pauses after each of so many turns."""
    stop = CountedStop(turns)
    followed.watch().take_turns(stop)
    return stop.pauses[1:]


def test_what_was_listed_is_known_and_the_watch_goes_on_from_there(followed: Followed) -> None:
    with followed.running() as watch:
        followed.until("watched")
        assert watch.known == GOLD
        assert followed.api.queries(LIST)[1]["resourceVersion"] == ["7"]


def test_a_long_list_is_read_page_by_page(followed: Followed) -> None:
    pages = namespace_list("7", namespace("one", "3"), more="next"), namespace_list("7", namespace("two", "4"))
    followed.api.script(LIST, *pages)
    with followed.running() as watch:
        followed.until("listed")
        assert [name for _, name in watch.known] == ["one", "two"]
        assert [query.get("continue") for query in followed.api.queries(LIST)][:2] == [None, ["next"]]


def test_events_change_what_is_known(followed: Followed) -> None:
    changes = events(
        {"type": "ADDED", "object": namespace("team-c", "8")},
        {"type": "MODIFIED", "object": namespace("team-a", "9", tier="lead")},
        {"type": "DELETED", "object": namespace("team-b", "10")},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "11"}}},
    )
    followed.api.script(WATCH, changes, events())
    with followed.running() as watch:
        followed.until("watched", 2)
        assert watch.known == {("", "team-a"): (("tier", "lead"),), ("", "team-c"): ()}
        versions = [query["resourceVersion"] for query in followed.api.queries(LIST) if "watch" in query]
        assert versions[:2] == [["7"], ["11"]]


def test_what_is_known_is_the_same_mapping_until_something_of_it_changes(followed: Followed) -> None:
    same = {"type": "MODIFIED", "object": namespace("team-a", "8", tier="gold")}
    gone = {"type": "DELETED", "object": namespace("team-c", "9")}
    other = {"type": "MODIFIED", "object": namespace("team-a", "10", tier="lead")}
    followed.api.script(WATCH, events(same, gone), events(other))
    watch = followed.watch()
    outcomes, seen = [], []
    for _ in range(3):
        outcomes.append(watch.turn(followed.stop))
        seen.append(watch.known)
    assert outcomes == ["listed", "watched", "watched"]
    assert seen[0] is seen[1]
    assert seen[1] == GOLD
    assert seen[2][("", "team-a")] == (("tier", "lead"),)


@pytest.mark.parametrize(
    "forgotten",
    [
        Reply(status=410),
        events({"type": "ERROR", "object": {"code": 410}}),
        events({"type": "NEW", "object": {"metadata": {"resourceVersion": "8"}}}),
        events({"type": "BOOKMARK", "object": {}}),
        events({"type": "DELETED", "object": {"metadata": {"resourceVersion": "8"}}}),
        events({"type": "MODIFIED", "object": {"metadata": {"name": "team-a"}}}),
    ],
    ids=["gone", "error", "unknown", "empty", "nameless", "without version"],
)
def test_everything_is_listed_again_when_the_place_is_lost(followed: Followed, forgotten: Reply) -> None:
    renewed = namespace_list("20", namespace("team-z", "19"))
    followed.api.script(LIST, *followed.api.replies[LIST], renewed)
    followed.api.script(WATCH, forgotten, events())
    with followed.running() as watch:
        followed.until("listed", 2)
        assert [name for _, name in watch.known] == ["team-z"]


def test_a_watch_that_is_to_end_goes_no_further_than_its_next_event(followed: Followed) -> None:
    followed.api.script(WATCH, events(*({"type": "ADDED", "object": namespace(name, "8")} for name in ("c", "d"))))
    watch = followed.watch()
    watch.turn(followed.stop)
    followed.stop.set()
    assert watch.turn(followed.stop) == "watched"
    assert [name for _, name in watch.known] == ["team-a", "team-b", "c"]


def test_each_failure_doubles_the_pause_until_a_watch_succeeds(followed: Followed) -> None:
    followed.api.script(WATCH, *[Reply(status=410)] * 3, events(), Reply(status=410), events())
    assert pauses(followed, 10) == [0.0, 0.25, 0.0, 0.5, 0.0, 1.0, 0.0, 0.05, 0.25, 0.0]


def test_no_pause_is_longer_than_five_seconds(followed: Followed) -> None:
    followed.api.script(LIST, Reply(status=500))
    assert pauses(followed, 8) == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_an_object_that_cannot_be_read_is_unknown_and_the_others_are_not(
    followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    broken = namespace("team-b", "8") | {"metadata": {"name": "team-b", "resourceVersion": "8", "labels": {"tier": 5}}}
    followed.api.script(LIST, namespace_list("7", namespace("team-a", "3", tier="gold"), broken, {"metadata": {}}))
    mended = {"type": "MODIFIED", "object": namespace("team-b", "9")}
    followed.api.script(WATCH, events(mended), events({"type": "MODIFIED", "object": broken}))
    watch = followed.watch()
    assert [watch.turn(followed.stop), set(watch.known)] == ["listed", {("", "team-a")}]
    assert [watch.turn(followed.stop), watch.known] == ["watched", GOLD]
    assert [watch.turn(followed.stop), set(watch.known)] == ["watched", {("", "team-a")}]
    assert followed.metrics.unreadable == {"namespaces": 3}
    assert caplog.text.count("('', 'team-b')") == 2


def test_a_watch_confirms_when_it_lasted_as_long_as_it_should_and_not_when_it_was_cut_short(api: ScriptedApi) -> None:
    followed = Followed(api=api)
    watch = followed.watch()
    api.script(LIST, namespace_list("7"))
    api.script(WATCH, events())
    watch.turn(followed.stop)
    watch.turn(followed.stop)
    assert len(followed.metrics.confirmed) == 1
    followed.clock.step = 15.0
    watch.turn(followed.stop)
    assert [resource for resource, _ in followed.metrics.confirmed] == ["namespaces"] * 2


@pytest.mark.parametrize("answer", [Reply(status=404), reply({"items": []}), reply({"metadata": {}, "items": 1})])
def test_a_list_that_cannot_be_used_is_a_failure(followed: Followed, answer: Reply) -> None:
    followed.api.script(LIST, answer)
    watch = followed.watch()
    assert watch.turn(followed.stop) == "failed"
    assert watch.late()


def test_a_list_without_an_end_is_given_up(api: ScriptedApi) -> None:
    followed = Followed(api=api)
    api.script(LIST, namespace_list("7", more="again"))
    resource = replace(NAMESPACES, pages=2)
    watch = ListWatch(api.connection, resource, clock=followed.clock, metrics=followed.metrics, max_age_seconds=MAX_AGE)
    assert watch.turn(followed.stop) == "failed"
    assert len(api.calls) == 2
    assert "more than 1000 namespaces" in watch.late()


def test_an_unexpected_error_ends_a_turn_and_not_the_thread(followed: Followed) -> None:
    followed.clock.broken = True
    with followed.running() as watch:
        followed.until("internal")
        followed.clock.broken = False
        eventually(lambda: not watch.late(), "the list after the error")
        assert watch.known == GOLD
