"""Epochs: what verdicts are kept under, so that every process forgets at once what is not to count any more.

They are counters in a small file that every process maps into its memory: reading one costs no call of the kernel, and
a verdict that was begun in an earlier epoch is kept under a name that nobody asks for.
"""

import errno
import fcntl
import mmap
import os
import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from assay.domain.reference import Repository

_COUNTER = struct.Struct("<Q")
_NAME_OCTETS = 16
_SINGLE = 8191
_OCTETS = _NAME_OCTETS + _COUNTER.size * (1 + _SINGLE)
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mapped:
    """The file as it was opened; `name` is its own, which no other file has."""

    octets: mmap.mmap
    name: str
    inode: int
    looked: float


class Epochs:
    """The epoch of everything and those of single repositories, in one file of a folder; raises `OSError`.

    There are some thousands of counters for repositories: two that share one are forgotten together. That the file was
    removed is found out within a second. Safe to share between threads and processes, also after a fork.
    """

    def __init__(self, folder: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._file = folder / "epochs"
        self._monotonic = monotonic
        self._mapped: _Mapped | None = None
        # It is asked for with every image of every request, and a cluster has few repositories.
        self._place = lru_cache(maxsize=2048)(_place)

    def current(self, repository: Repository) -> str:
        """The name of the time since everything, or all about this repository, was forgotten."""
        mapped, now = self._mapped, self._monotonic()
        if mapped is None or not 0 <= now - mapped.looked < _LOOK_SECONDS:
            mapped = self._mapped = self._open(mapped, now)
        (everything,) = _COUNTER.unpack_from(mapped.octets, _NAME_OCTETS)
        (single,) = _COUNTER.unpack_from(mapped.octets, self._place(repository))
        return f"{mapped.name}.{everything}.{single}"

    def begin(self) -> None:
        """Begin a new epoch of everything."""
        self._count(_NAME_OCTETS)

    def begin_for(self, repository: Repository) -> None:
        """Begin a new epoch of one repository."""
        self._count(self._place(repository))

    def _open(self, before: _Mapped | None, now: float) -> _Mapped:
        self._ensure()
        with self._file.open("rb") as file:
            status = os.fstat(file.fileno())
            inode = status.st_ino
            if status.st_size != _OCTETS:
                raise OSError(errno.EIO, "the file of epochs is damaged; remove it", str(self._file))
            if before is not None and before.inode == inode:
                return _Mapped(octets=before.octets, name=before.name, inode=inode, looked=now)
            octets = mmap.mmap(file.fileno(), _OCTETS, prot=mmap.PROT_READ)
        return _Mapped(octets=octets, name=octets[:_NAME_OCTETS].hex(), inode=inode, looked=now)

    def _ensure(self) -> None:
        """See to it that there is a file, whole from the moment it has its name; all of it has room on the disk."""
        if self._file.exists():
            return
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._file.with_name(f".epochs-{secrets.token_hex(8)}")
        try:
            with fresh.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(secrets.token_bytes(_NAME_OCTETS).ljust(_OCTETS, b"\0"))
                file.flush()
                os.fsync(file.fileno())
            try:
                self._file.hardlink_to(fresh)
            except FileExistsError:  # another process was first
                return
        finally:
            fresh.unlink(missing_ok=True)

    def _count(self, place: int) -> None:
        self._ensure()
        with self._file.open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            (number,) = _COUNTER.unpack(os.pread(file.fileno(), _COUNTER.size, place))
            os.pwrite(file.fileno(), _COUNTER.pack(number + 1), place)
            os.fsync(file.fileno())


def _place(repository: Repository) -> int:
    digest = sha256(repository.name.encode("ascii")).digest()
    return _NAME_OCTETS + _COUNTER.size * (1 + int.from_bytes(digest[:8], "big") % _SINGLE)
