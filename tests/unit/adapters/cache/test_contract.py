"""What every store of verdicts does, the fake one and the real one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from assay.adapters.cache.database import VerdictDatabase
from assay.domain.decision import Verdict
from assay.domain.reference import Repository
from assay.ports import KeptVerdicts, VerdictStore
from tests.fakes.kept_verdict import KEY, kept_verdict
from tests.fakes.policy import NOW
from tests.fakes.verdict_store import MemoryStore

OTHER = replace(KEY, environment="staging")


class Store(VerdictStore, KeptVerdicts, Protocol):
    """Both sides of one store."""


@pytest.fixture(params=["fake", "real"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "fake":
        yield MemoryStore()
        return
    database = VerdictDatabase(tmp_path / "cache")
    yield database
    database.close()


def test_nothing_is_there_at_first(store: Store) -> None:
    assert (store.find(KEY), list(store.entries())) == (None, [])


def test_what_is_kept_is_found_under_its_key_alone(store: Store) -> None:
    kept = kept_verdict()
    store.keep(kept)
    assert (store.find(KEY), store.find(OTHER)) == (kept, None)


def test_the_last_one_counts_and_the_newest_listing_comes_first(store: Store) -> None:
    store.keep(kept_verdict())
    denial = kept_verdict(verdict=Verdict.DENY)
    later = kept_verdict(key=OTHER, listed=NOW + timedelta(seconds=1))
    for kept in (denial, later):
        store.keep(kept)
    assert (store.find(KEY), list(store.entries())) == (denial, [later, denial])


def test_an_epoch_lasts_until_everything_is_forgotten(store: Store) -> None:
    before = store.epoch(KEY.repository)
    store.keep(kept_verdict())
    assert store.epoch(KEY.repository) == before
    store.clear()
    assert (store.epoch(KEY.repository) == before, store.find(KEY), list(store.entries())) == (False, None, [])


def test_what_was_forgotten_is_not_found_again(store: Store) -> None:
    store.keep(kept_verdict())
    store.keep(kept_verdict(key=OTHER))
    store.forget(KEY)
    store.forget(KEY)
    assert (store.find(KEY), store.find(OTHER)) == (None, kept_verdict(key=OTHER))


def test_what_is_known_of_one_repository_is_forgotten_by_its_epoch(store: Store) -> None:
    other = Repository(registry="registry.example", path="another")
    before, elsewhere = store.epoch(KEY.repository), store.epoch(other)
    epochs = {before}
    for _ in range(3):
        store.forget_repository(KEY.repository)
        epochs.add(store.epoch(KEY.repository))
    assert (len(epochs), store.epoch(other) == elsewhere) == (4, True)
