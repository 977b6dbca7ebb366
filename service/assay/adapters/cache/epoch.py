"""Epochs: what verdicts are kept under, so that every process forgets at once what is not to count any more.

An epoch is the identity of an empty file that is replaced to begin a new one: reading it costs one look at the folder,
and a verdict that was begun in an earlier epoch is kept under a name that nobody asks for.
"""

import os
import secrets
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from assay.domain.reference import Repository

_MOST_REPOSITORIES = 10_000
_BETWEEN_COUNTS = 32


class Epochs:
    """The epoch of everything and those of single repositories, in one folder; raises `OSError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all = folder / "epoch"
        self._single = folder / "pushed"
        self._begun = 0
        # It is asked for with every image of every request, and a cluster has few repositories.
        self._place = lru_cache(maxsize=2048)(self._find_place)

    def current(self, repository: Repository) -> str:
        """The name of the time since everything, or all about this repository, was forgotten."""
        return f"{_identity(self._all)}/{_identity(self._place(repository))}".rstrip("/")

    def begin(self) -> None:
        """Begin a new epoch of everything."""
        self._replace(self._all)

    def begin_for(self, repository: Repository) -> None:
        """Begin a new epoch of one repository; when there are too many, one of everything takes their place."""
        self._replace(self._place(repository))
        self._begun += 1
        if self._begun % _BETWEEN_COUNTS == 0:
            self._bound()

    def _bound(self) -> None:
        single = list(self._single.iterdir())
        if len(single) > _MOST_REPOSITORIES:
            # First the new epoch: without its file a repository is back in the epoch that it had first.
            self.begin()
            for place in single:
                place.unlink(missing_ok=True)

    def _find_place(self, repository: Repository) -> Path:
        return self._single / sha256(repository.name.encode("ascii")).hexdigest()

    @staticmethod
    def _replace(place: Path) -> None:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = place.with_name(f".epoch-{secrets.token_hex(8)}")
        fresh.touch(mode=0o600)
        fresh.replace(place)


def _identity(place: Path) -> str:
    try:
        status = os.stat(place)  # noqa: PTH116  # half of the time of `Path.stat`
    except FileNotFoundError:
        return ""
    return f"{status.st_ino}.{status.st_mtime_ns}"
