"""Epochs of everything and of single repositories."""

from pathlib import Path

import pytest

from assay.adapters.cache import epoch
from assay.adapters.cache.epoch import Epochs
from assay.domain.reference import Repository

APP, OTHER = (Repository(registry="registry.example", path=path) for path in ("app", "other"))


def test_a_new_epoch_of_everything_is_one_of_every_repository(tmp_path: Path) -> None:
    epochs = Epochs(tmp_path)
    epochs.begin_for(APP)
    before = (epochs.current(APP), epochs.current(OTHER))
    Epochs(tmp_path).begin()
    after = (epochs.current(APP), epochs.current(OTHER))
    assert (len({*before, *after}), before[1]) == (4, "")


def test_every_process_sees_the_epoch_of_a_repository(tmp_path: Path) -> None:
    here, there = Epochs(tmp_path), Epochs(tmp_path)
    there.begin_for(APP)
    assert here.current(APP) == there.current(APP) != ""
    assert here.current(OTHER) == ""


def test_too_many_repositories_are_forgotten_with_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epoch, "_MOST_REPOSITORIES", 40)
    epochs = Epochs(tmp_path)
    seen = {""}
    for number in range(64):
        repository = Repository(registry="registry.example", path=f"app{number}")
        epochs.begin_for(repository)
        seen.add(epochs.current(APP))
    assert len(list((tmp_path / "pushed").iterdir())) <= 40
    assert seen == {"", epochs.current(APP)}
    assert epochs.current(APP) != ""
