"""Verdicts in a database of their own: what was kept comes back, whatever else happened to the file."""

import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from assay.adapters.cache.database import Room, VerdictDatabase
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.formats.kept_verdict import render_kept_verdict
from tests.fakes.kept_verdict import KEY, kept_verdict
from tests.fakes.policy import NOW

OTHER = replace(KEY, tenant="team-b")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def database(folder: Path) -> Iterator[VerdictDatabase]:
    opened = VerdictDatabase(folder)
    yield opened
    opened.close()


def change(folder: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(folder / "verdicts.db")
    with connection:
        connection.execute(statement, values)
    connection.close()


def test_what_was_kept_is_found_by_another_process(database: VerdictDatabase, folder: Path) -> None:
    kept = kept_verdict()
    database.keep(kept)
    other = VerdictDatabase(folder)
    assert (other.find(KEY), other.find(OTHER)) == (kept, None)
    other.close()


def test_the_newest_verdict_under_a_key_is_the_one_that_counts(database: VerdictDatabase) -> None:
    database.keep(kept_verdict())
    denial = kept_verdict(verdict=Verdict.DENY, listed=NOW + timedelta(seconds=1))
    database.keep(denial)
    assert (database.find(KEY), database.entries()) == (denial, [denial])


def test_the_file_is_ours_alone(database: VerdictDatabase, folder: Path) -> None:
    database.keep(kept_verdict())
    assert stat.S_IMODE((folder / "verdicts.db").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("UPDATE verdict SET octets = ?", b"garbage"),
        ("UPDATE verdict SET octets = ?", "text"),
        ("UPDATE verdict SET octets = substr(octets, 1, ?)", 20),
        ("UPDATE verdict SET digest = ?", Digest.of(b"").text),
        ("UPDATE verdict SET digest = ?", 7),
    ],
)
def test_an_entry_that_was_changed_is_none(
    database: VerdictDatabase, folder: Path, statement: str, value: object
) -> None:
    database.keep(kept_verdict())
    change(folder, statement, value)
    assert (database.find(KEY), database.entries()) == (None, [])


def test_an_entry_under_a_key_that_is_not_its_own_is_none(database: VerdictDatabase, folder: Path) -> None:
    database.keep(kept_verdict())
    database.keep(kept_verdict(key=OTHER, verdict=Verdict.DENY))
    one = "SELECT digest, octets FROM verdict ORDER BY key LIMIT 1"
    change(folder, f"UPDATE verdict SET (digest, octets) = ({one})")  # noqa: S608  # nobody else's text is in it
    assert sum(database.find(key) is not None for key in (KEY, OTHER)) == 1


def test_a_file_that_is_no_database_is_unavailable_until_it_is_replaced(
    database: VerdictDatabase, folder: Path
) -> None:
    folder.mkdir(mode=0o700)
    (folder / "verdicts.db").write_bytes(b"no database at all" * 100)
    for call in (lambda: database.find(KEY), lambda: database.keep(kept_verdict()), database.entries):
        with pytest.raises(Unavailable) as caught:
            call()
        assert caught.value.code == "cache_unavailable"
    database.clear()
    database.keep(kept_verdict())
    assert database.find(KEY) == kept_verdict()


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    database = VerdictDatabase(tmp_path / "file" / "cache")
    for call in (
        lambda: database.find(KEY),
        lambda: database.epoch(KEY.repository),
        lambda: database.forget_repository(KEY.repository),
        database.clear,
    ):
        with pytest.raises(Unavailable) as caught:
            call()
        assert caught.value.code == "cache_unavailable"


def test_a_damaged_file_that_cannot_be_removed_is_told(database: VerdictDatabase, folder: Path) -> None:
    (folder / "verdicts.db").mkdir(parents=True)
    with pytest.raises(Unavailable) as caught:
        database.clear()
    assert caught.value.code == "cache_unavailable"
    (folder / "verdicts.db").rmdir()
    database.clear()
    assert database.entries() == []


def test_clear_begins_a_new_epoch_everywhere(database: VerdictDatabase, folder: Path) -> None:
    database.keep(kept_verdict())
    other, epochs = VerdictDatabase(folder), {database.epoch(KEY.repository)}
    other.clear()
    epochs.add(database.epoch(KEY.repository))
    other.clear()
    epochs.add(database.epoch(KEY.repository))
    assert (len(epochs), database.find(KEY)) == (3, None)
    other.close()


def test_what_is_old_or_too_much_is_let_go_the_oldest_first(folder: Path) -> None:
    size = len(render_kept_verdict(kept_verdict()))
    database = VerdictDatabase(folder, room=Room(entries=8, octets=6 * size, oldest=timedelta(minutes=1)))
    for number in range(32):
        database.keep(kept_verdict(key=replace(KEY, tenant=f"t{number}"), listed=NOW + timedelta(seconds=number * 10)))
    left = [kept.key.tenant for kept in database.entries()]
    assert left == [f"t{number}" for number in range(31, 31 - len(left), -1)]
    assert 1 <= len(left) <= 7
    database.close()
