"""Epochs of everything and of single repositories."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assay.adapters.cache.epoch import Epochs
from assay.domain.reference import Repository
from tests.fakes.clock import FrozenClock

APP, OTHER = (Repository(registry="registry.example", path=path) for path in ("app", "other"))


def test_a_new_epoch_of_everything_is_one_of_every_repository(tmp_path: Path) -> None:
    epochs = Epochs(tmp_path)
    before = (epochs.current(APP), epochs.current(OTHER))
    Epochs(tmp_path).begin()
    after = (epochs.current(APP), epochs.current(OTHER))
    assert not {*before} & {*after}
    assert (epochs.current(APP), epochs.current(OTHER)) == after


def test_every_process_sees_the_epoch_of_a_repository(tmp_path: Path) -> None:
    here, there = Epochs(tmp_path), Epochs(tmp_path)
    before = (here.current(APP), here.current(OTHER))
    if (child := os.fork()) == 0:
        there.begin_for(APP)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert here.current(APP) == there.current(APP) != before[0]
    assert here.current(OTHER) == before[1]


def test_no_epoch_comes_twice_whoever_begins_them(tmp_path: Path) -> None:
    epochs = Epochs(tmp_path)
    seen = {epochs.current(APP)}
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda _: Epochs(tmp_path).begin_for(APP), range(20)))
    seen.add(epochs.current(APP))
    assert len(seen) == 2
    assert epochs.current(APP).endswith(".20")


def test_an_epoch_survives_the_process(tmp_path: Path) -> None:
    epochs = Epochs(tmp_path)
    epochs.begin_for(APP)
    assert Epochs(tmp_path).current(APP) == epochs.current(APP)


@pytest.mark.parametrize(("seconds", "found"), [(0.9, False), (1.0, True)])
def test_a_file_that_was_removed_is_missed_within_a_second(tmp_path: Path, seconds: float, *, found: bool) -> None:
    clock = FrozenClock()
    epochs = Epochs(tmp_path, monotonic=clock.monotonic)
    before = epochs.current(APP)
    (tmp_path / "epochs").unlink()
    Epochs(tmp_path).begin_for(APP)
    clock.seconds += seconds
    assert (epochs.current(APP) != before) is found


def test_a_look_at_the_same_file_changes_nothing(tmp_path: Path) -> None:
    clock = FrozenClock()
    epochs = Epochs(tmp_path, monotonic=clock.monotonic)
    before = epochs.current(APP)
    clock.seconds += 5
    assert epochs.current(APP) == before


def test_where_nothing_can_be_kept_there_is_no_epoch(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(OSError, match="File exists"):
        Epochs(blocked).current(APP)
    assert Epochs(tmp_path).current(APP)


def test_a_damaged_file_is_no_epoch(tmp_path: Path) -> None:
    whole = Epochs(tmp_path)
    assert whole.current(APP)
    (tmp_path / "epochs").replace(tmp_path / "before")
    (tmp_path / "epochs").write_bytes(b"short")
    with pytest.raises(OSError, match="damaged"):
        Epochs(tmp_path).current(APP)
