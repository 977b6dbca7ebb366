"""Namespaces are found with their labels while they are confirmed, and waited for when they are new."""

import pytest

from assay.adapters.kubernetes.list_watch import ListWatch
from assay.adapters.kubernetes.namespaces import Labels, find_namespace, missing_namespaces
from assay.domain.errors import Unavailable
from tests.fakes.kubernetes_api import Reply, events, namespace
from tests.fixtures.polling import eventually
from tests.unit.adapters.kubernetes.conftest import LIST, MAX_AGE, WATCH, Followed


def refusal(watch: ListWatch[Labels], name: str) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        find_namespace(watch, name, may_wait=True)
    assert caught.value.code == "namespace_unknown"
    assert caught.value.retryable
    return caught.value


def test_what_was_listed_is_found_and_nothing_else(followed: Followed) -> None:
    with followed.running() as watch:
        followed.until("watched")
        assert find_namespace(watch, "team-a", may_wait=True).labels == (("tier", "gold"),)
        assert find_namespace(watch, "team-b", may_wait=True).labels == ()
        assert "team-c" in refusal(watch, "team-c").message
    assert not watch.late()


def test_names_that_no_namespace_has_are_told_while_the_namespaces_are_known(followed: Followed) -> None:
    watch = followed.watch()
    assert missing_namespaces(watch, {"team-c"}) == ()
    assert watch.turn(followed.stop) == "listed"
    assert missing_namespaces(watch, {"team-d", "team-a", "team-c"}) == ("team-c", "team-d")
    assert missing_namespaces(watch, {"team-a", "team-b"}) == ()
    followed.clock.pass_time(MAX_AGE + 1)
    assert missing_namespaces(watch, {"team-c"}) == ()


def test_what_is_not_confirmed_any_more_does_not_count(followed: Followed) -> None:
    followed.api.script(WATCH, Reply(status=500))
    with followed.running() as watch:
        followed.until("failed")
        assert find_namespace(watch, "team-a", may_wait=True)
        followed.clock.pass_time(MAX_AGE + 1)
        assert "500" in refusal(watch, "team-a").message
        assert "not confirmed" in watch.late()
        bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "11"}}}
        followed.api.script(WATCH, events(bookmark), events())
        eventually(lambda: not watch.late(), "another confirmation")
        assert find_namespace(watch, "team-a", may_wait=True)


def test_before_the_first_list_nothing_is_known(followed: Followed) -> None:
    followed.api.script(LIST, Reply(status=403))
    with followed.running() as watch:
        followed.until("failed")
        assert "refuses" in refusal(watch, "team-a").message


def test_a_namespace_that_was_created_a_moment_ago_is_waited_for(followed: Followed) -> None:
    with followed.running() as watch:
        followed.until("listed")
        followed.api.script(WATCH, events({"type": "ADDED", "object": namespace("new", "8")}), events())
        assert eventually(lambda: _is_found(watch, "new"), "the new namespace")


def _is_found(watch: ListWatch[Labels], name: str) -> bool:
    try:
        return find_namespace(watch, name, may_wait=True).name == name
    except Unavailable:
        return False
