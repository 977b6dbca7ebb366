"""Grants as files of one folder, read when they are asked for, so that one takes effect when it is put there."""

import os
import stat
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from assay.adapters.break_glass.grant_book import GrantBook, unavailable
from assay.domain.break_glass import GrantStanding, Visit
from assay.domain.digest import Digest

_SUFFIX = ".json"
_MOST = 64
_LARGEST = 256 * 1024


class GrantFolder:
    """The grants in a folder and the book of their uses; implements the port `Grants`.

    A folder that does not exist holds none. One with more than 64 grants, or with a file that cannot be read or is
    longer than 256 KiB, is `grants_unavailable`: what was not looked at must not be missed in silence.
    """

    def __init__(self, folder: Path, book: GrantBook) -> None:
        self._folder = folder
        self._book = book

    def list_bundles(self) -> Sequence[bytes]:
        """The contents of the files whose names end in `.json`, in the order of their names."""
        try:
            names = sorted(entry.name for entry in os.scandir(self._folder) if entry.name.endswith(_SUFFIX))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unavailable(f"{self._folder}: {error.strerror}") from error
        if len(names) > _MOST:
            raise unavailable(f"{self._folder} holds more than {_MOST} grants; remove those that have expired")
        return [_read(self._folder / name) for name in names]

    def standing(self, grant: Digest) -> GrantStanding:
        """How often the grant was used, and whether it was revoked."""
        return self._book.standing(grant)

    def is_paid(self, grant: Digest, visit: Visit, *, time: datetime) -> bool:
        """Whether a use that was taken at the first look at an object pays for this final one."""
        return self._book.is_paid(grant, visit, time=time)

    def use(self, grant: Digest, *, decision: str, time: datetime, most: int, visit: Visit) -> bool:
        """Take one of `most` uses, durably."""
        return self._book.use(grant, decision=decision, time=time, most=most, visit=visit)

    def revoke(self, grant: Digest, *, time: datetime, reason: str) -> bool:
        """Revoke a grant for good; False when it was revoked before."""
        return self._book.revoke(grant, time=time, reason=reason)


def _read(path: Path) -> bytes:
    try:
        # Non-blocking: opening a named pipe must not wait for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise unavailable(f"{path} is not a regular file")
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise unavailable(f"{path}: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise unavailable(f"{path} has more than {_LARGEST} bytes")
    return content
