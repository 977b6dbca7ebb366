"""Inputs by digest, below one folder."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable

_LARGEST = 1024 * 1024 * 1024


class FileStore:
    """Keeps content in `<folder>/sha256/<hex>`; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "sha256"

    def holds(self, digest: Digest) -> bool:
        """Whether there is a file for this digest; `read` verifies it."""
        return self._place(digest).is_file()

    def add(self, name: str, digest: Digest, size: int, pieces: Iterable[bytes]) -> None:
        """Write the pieces and, when all of them together have this size and digest, move them into place.

        Raises `InvalidInput(input_digest_mismatch)` naming the input and both digests, and
        `Unavailable(store_unavailable)` when the disk fails; then nothing is left behind.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".incoming-", dir=self._folder)
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            with os.fdopen(handle, "wb") as file:
                _write_verified(file.write, name, digest, size, pieces)
                os.fchmod(file.fileno(), 0o644)
            Path(temporary).replace(self._place(digest))
        except OSError as error:
            raise self._unavailable(error) from error
        finally:
            Path(temporary).unlink(missing_ok=True)

    def read(self, name: str, digest: Digest) -> bytes:
        """The content, verified as it is read; a damaged file is removed and named."""
        place = self._place(digest)
        try:
            if place.stat().st_size > _LARGEST:
                raise _mismatch(name, digest, "something far too large")
            content = place.read_bytes()
        except OSError as error:
            raise self._unavailable(error) from error
        if (found := Digest.of(content)) != digest:
            place.unlink(missing_ok=True)
            raise _mismatch(name, digest, str(found))
        return content

    def _place(self, digest: Digest) -> Path:
        return self._folder / digest.hex

    def _unavailable(self, error: OSError) -> Unavailable:
        return Unavailable(
            "store_unavailable",
            f"the store of inputs {self._folder.parent} cannot be used: {error.strerror}",
            remedy="check the folder, its rights and free space",
        )


def _write_verified(
    write: Callable[[bytes], int], name: str, digest: Digest, size: int, pieces: Iterable[bytes]
) -> None:
    hasher = hashlib.sha256()
    written = 0
    for piece in pieces:
        hasher.update(piece)
        written += len(piece)
        if written > size:
            break
        write(piece)
    found = Digest.from_hex(hasher.hexdigest())
    if written != size or found != digest:
        raise _mismatch(name, digest, str(found) if written <= size else f"more than its {size} bytes")


def _mismatch(name: str, expected: Digest, found: str) -> InvalidInput:
    return InvalidInput(
        "input_digest_mismatch",
        f"the {name} should be {expected}, but {found} was found",
        remedy="do not build from it: ask where the bytes come from; a damaged cache is fetched again on the next run",
    )
