"""The book of uses: durable, the same for every worker, and never one use too many."""

import multiprocessing
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.adapters.break_glass.grant_book import NAME, GrantBook
from assay.domain.break_glass import VISIT_SECONDS, GrantStanding, Visit
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable

GRANT, OTHER = Digest.of(b"grant"), Digest.of(b"other")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


OBJECT, OTHER_OBJECT = Digest.of(b"object"), Digest.of(b"other object")
FIRST, FINAL = Visit(subject=OBJECT, final=False), Visit(subject=OBJECT, final=True)
MINUTE = timedelta(seconds=VISIT_SECONDS)


def take(state: Path, decision: str, *, most: int = 5, visit: Visit = FINAL, time: datetime = NOW) -> bool:
    return GrantBook(state).use(GRANT, decision=decision, time=time, most=most, visit=visit)


def test_a_first_look_pays_for_one_final_look_at_the_same_object(tmp_path: Path) -> None:
    book = GrantBook(tmp_path)
    assert take(tmp_path, "mutate", most=1, visit=FIRST)
    assert book.is_paid(GRANT, FINAL, time=NOW)
    assert not book.is_paid(GRANT, FIRST, time=NOW)
    assert not book.is_paid(OTHER, FINAL, time=NOW)
    assert take(tmp_path, "validate", most=1)
    assert not book.is_paid(GRANT, FINAL, time=NOW)
    assert not take(tmp_path, "validate again", most=1)
    assert book.standing(GRANT).uses == 1


def test_every_first_look_takes_a_use_of_its_own(tmp_path: Path) -> None:
    looks = [take(tmp_path, name, most=2, visit=FIRST) for name in ("a", "b", "c")]
    finals = [take(tmp_path, name, most=2) for name in ("d", "e", "f")]
    assert (looks, finals) == ([True, True, False], [True, True, False])


def test_another_object_or_a_later_time_is_not_paid(tmp_path: Path) -> None:
    other = Visit(subject=OTHER_OBJECT, final=True)
    assert take(tmp_path, "mutate", most=1, visit=FIRST)
    assert not take(tmp_path, "other", most=1, visit=other)
    assert not take(tmp_path, "late", most=1, time=NOW + MINUTE * 1.01)
    assert not take(tmp_path, "early", most=1, time=NOW - MINUTE)
    assert take(tmp_path, "in time", most=1, time=NOW + MINUTE)


def test_a_revoked_grant_pays_for_nothing(tmp_path: Path) -> None:
    assert take(tmp_path, "mutate", visit=FIRST)
    assert GrantBook(tmp_path).revoke(GRANT, time=NOW, reason="over")
    assert not take(tmp_path, "validate")


def test_uses_are_counted_for_each_grant_and_survive(tmp_path: Path) -> None:
    assert [take(tmp_path, "a", most=2), take(tmp_path, "b", most=2), take(tmp_path, "c", most=2)] == [
        True,
        True,
        False,
    ]
    assert GrantBook(tmp_path).standing(GRANT) == GrantStanding(uses=2, revoked="")
    assert GrantBook(tmp_path).standing(OTHER) == GrantStanding(uses=0, revoked="")


def test_a_decision_uses_a_grant_once(tmp_path: Path) -> None:
    assert [take(tmp_path, "a", most=1), take(tmp_path, "a", most=1)] == [True, True]
    assert GrantBook(tmp_path).standing(GRANT).uses == 1


def test_a_revoked_grant_stays_revoked_and_says_why(tmp_path: Path) -> None:
    book = GrantBook(tmp_path)
    assert take(tmp_path, "a")
    assert [book.revoke(GRANT, time=NOW, reason=reason) for reason in ("over", "again")] == [True, False]
    assert (book.standing(GRANT).revoked, take(tmp_path, "b"), take(tmp_path, "a")) == ("over", False, True)


def _take_many(state: Path, worker: int, taken: "multiprocessing.Queue[int]") -> None:
    won = 0
    for number in range(5):
        try:
            won += take(state, f"{worker} {number}")
        except Unavailable:  # which denies, and costs nobody anything
            continue
    taken.put(won)


def test_processes_together_take_no_more_than_there_are(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    taken = context.Queue()
    workers = [context.Process(target=_take_many, args=(tmp_path, number, taken)) for number in range(3)]
    for worker in workers:
        worker.start()
    won = sum(taken.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join(120)
    assert won == GrantBook(tmp_path).standing(GRANT).uses <= 5


def test_a_database_that_cannot_be_used_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        take(tmp_path / "absent", "a")
    assert caught.value.code == "grants_unavailable"
    (tmp_path / NAME).write_bytes(b"not a database at all" * 100)
    with pytest.raises(Unavailable) as caught:
        take(tmp_path, "a")
    assert caught.value.code == "grants_unavailable"


def test_a_database_that_somebody_else_holds_is_not_waited_for_long(tmp_path: Path) -> None:
    assert take(tmp_path, "a")
    holder = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        take(tmp_path, "b")
    holder.execute("ROLLBACK")
    holder.close()
    assert take(tmp_path, "b")
