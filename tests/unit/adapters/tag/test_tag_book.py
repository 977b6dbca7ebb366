"""The book of immutable tags on disk."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from assay.adapters.tag.tag_book import NAME, SqliteTagBook
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from tests.unit.adapters.tag.test_contract import APP, MOVED, NOW, SIGHTING


def test_whoever_sees_a_tag_first_there_is_one_first_digest(tmp_path: Path) -> None:
    sightings = [replace(SIGHTING, digest=Digest.of(bytes([number]))) for number in range(8)]

    def see(number: int) -> bool:
        while True:
            try:
                return SqliteTagBook(tmp_path).see(sightings[number])
            except Unavailable:  # the others hold the book for longer than one waits
                continue

    with ThreadPoolExecutor(max_workers=8) as pool:
        seen = list(pool.map(see, range(8)))
    book = SqliteTagBook(tmp_path)
    assert (seen.count(True), len(book.accepted(APP, "v1")), len(book.incidents())) == (1, 1, 7)


@pytest.mark.parametrize(("told", "seconds"), [(1, 10), (2, 20), (5, 160), (9, 2560), (10, 3600), (20, 3600)])
def test_what_nobody_hears_is_told_ever_later(tmp_path: Path, told: int, seconds: int) -> None:
    book = SqliteTagBook(tmp_path)
    book.see(SIGHTING)
    book.see(MOVED)
    for number in range(told):
        assert book.take_due(NOW + timedelta(days=number))
    last = NOW + timedelta(days=told - 1)
    assert not book.take_due(last + timedelta(seconds=seconds - 1))
    assert book.take_due(last + timedelta(seconds=seconds))


def test_a_book_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    book = SqliteTagBook(tmp_path)
    book.see(SIGHTING)
    (tmp_path / NAME).write_bytes(b"no database at all" * 1000)
    for call in (lambda: book.see(SIGHTING), lambda: book.accepted(APP, "v1"), book.incidents):
        with pytest.raises(Unavailable) as caught:
            call()
        assert caught.value.code == "tags_unavailable"
