"""What every book of immutable tags does, the fake one and the real one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from assay.adapters.tag.tag_book import SqliteTagBook
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.incident import Incident, IncidentKind, TagSighting, Witness
from assay.domain.reference import Reference, Repository
from assay.ports.incident import MOST_MOVES, IncidentOutbox, TagBook
from tests.fakes.tag_book import MemoryTagBook

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
APP = Repository(registry="registry.example:5000", path="team/app")
FIRST, SECOND, THIRD = (Digest.of(name) for name in (b"first", b"second", b"third"))
SIGHTING = TagSighting(repository=APP, tag="v1", digest=FIRST, witness=Witness.ADMISSION, at=NOW)
MOVED = replace(SIGHTING, digest=SECOND, witness=Witness.NOTIFICATION, pushed=NOW - timedelta(seconds=3))
REFERENCE = Reference(repository=APP, tag="v1", digest=SECOND)


class Book(TagBook, IncidentOutbox, Protocol):
    """Both sides of one book."""


@pytest.fixture(params=["fake", "real"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Book]:
    """Opens the book, as another process would."""
    memory = MemoryTagBook()
    return (lambda: memory) if request.param == "fake" else (lambda: SqliteTagBook(tmp_path))


@pytest.fixture
def book(reopen: Callable[[], Book]) -> Book:
    return reopen()


def accept(book: Book, reference: Reference = REFERENCE, *, by: str = "alice", reason: str = "rebuilt") -> Incident:
    return book.accept(reference, by=by, reason=reason, at=NOW)


def test_the_first_digest_is_the_one(book: Book, reopen: Callable[[], Book]) -> None:
    assert book.accepted(APP, "v1") == frozenset()
    assert [book.see(SIGHTING), reopen().see(SIGHTING)] == [True, True]
    assert reopen().accepted(APP, "v1") == {FIRST}
    assert (book.accepted(APP, "v2"), list(book.incidents()), list(book.take_due(NOW))) == (frozenset(), [], [])


def test_another_digest_is_one_incident_however_often_it_is_seen(book: Book, reopen: Callable[[], Book]) -> None:
    book.see(SIGHTING)
    assert [book.see(MOVED), reopen().see(replace(MOVED, at=NOW + timedelta(days=1)))] == [False, False]
    (incident,) = reopen().incidents()
    assert (incident.kind, incident.known, incident.found) == (IncidentKind.MOVED, FIRST, SECOND)
    assert (incident.by, incident.at, incident.pushed) == ("notification", NOW, MOVED.pushed)
    assert (book.see(SIGHTING), set(book.accepted(APP, "v1"))) == (True, {FIRST})


def test_each_further_digest_is_an_incident_of_its_own(book: Book) -> None:
    for sighting in (SIGHTING, MOVED, replace(MOVED, digest=THIRD)):
        book.see(sighting)
    assert [incident.found for incident in book.incidents()] == [SECOND, THIRD]


def test_a_tag_that_moves_on_and_on_is_denied_and_written_no_more(book: Book) -> None:
    book.see(SIGHTING)
    for number in range(MOST_MOVES + 3):
        assert not book.see(replace(MOVED, digest=Digest.of(f"move {number}".encode())))
    assert len(book.incidents()) == MOST_MOVES
    accept(book, book.incidents()[0].reference)
    assert not book.see(MOVED)
    assert book.incidents()[-1].found == SECOND
    elsewhere = replace(SIGHTING, tag="v2")
    assert [book.see(elsewhere), book.see(replace(elsewhere, digest=SECOND))] == [True, False]
    assert len(book.incidents()) == MOST_MOVES + 3


def test_an_accepted_move_counts_for_good_beside_the_first_digest(book: Book, reopen: Callable[[], Book]) -> None:
    book.see(SIGHTING)
    book.see(MOVED)
    accepted = accept(book)
    assert (accepted.kind, accepted.by, accepted.reason) == (IncidentKind.ACCEPTED, "alice", "rebuilt")
    assert reopen().accepted(APP, "v1") == {FIRST, SECOND}
    assert [reopen().see(MOVED), book.see(SIGHTING)] == [True, True]
    assert [incident.kind for incident in book.incidents()] == [IncidentKind.MOVED, IncidentKind.ACCEPTED]


@pytest.mark.parametrize(
    "reference",
    [
        replace(REFERENCE, digest=THIRD),
        replace(REFERENCE, digest=FIRST),
        replace(REFERENCE, digest=None),
        replace(REFERENCE, tag="v2"),
        replace(REFERENCE, repository=Repository(registry="registry.example", path="team/app")),
    ],
)
def test_only_what_happened_can_be_accepted(book: Book, reference: Reference) -> None:
    book.see(SIGHTING)
    book.see(MOVED)
    with pytest.raises(InvalidInput) as caught:
        accept(book, reference)
    assert caught.value.code == "incident_unknown"
    assert accept(book)


def test_a_move_is_accepted_once(book: Book) -> None:
    book.see(SIGHTING)
    book.see(MOVED)
    accept(book)
    with pytest.raises(InvalidInput) as caught:
        accept(book)
    assert caught.value.code == "incident_unknown"


@pytest.mark.parametrize(("by", "reason"), [("alice", " "), ("alice", "a\nb"), ("", "rebuilt")])
def test_an_acceptance_says_who_and_why(book: Book, by: str, reason: str) -> None:
    book.see(SIGHTING)
    book.see(MOVED)
    with pytest.raises(ConfigError) as caught:
        accept(book, by=by, reason=reason)
    assert caught.value.code == "reason_invalid"
    assert book.accepted(APP, "v1") == {FIRST}
    assert accept(book)


def test_an_incident_is_due_for_one_process_until_it_is_settled(book: Book, reopen: Callable[[], Book]) -> None:
    book.see(SIGHTING)
    book.see(MOVED)
    assert book.unheard() == 0
    (pending,) = book.take_due(NOW)
    assert (pending.incident.found, pending.recorded) == (SECOND, False)
    assert (list(reopen().take_due(NOW)), reopen().unheard()) == ([], 1)
    book.mark_recorded(pending)
    (again,) = reopen().take_due(NOW + timedelta(seconds=10))
    assert (again.number, again.recorded) == (pending.number, True)
    book.settle(again)
    assert (list(reopen().take_due(NOW + timedelta(days=1))), reopen().unheard()) == ([], 0)
    assert [incident.found for incident in book.incidents()] == [SECOND]
