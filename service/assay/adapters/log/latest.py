"""The file that says after every batch how long the log is."""

import os
from pathlib import Path
from typing import Self


class LatestCheckpoint:
    """Writes one checkpoint over the other, which is never longer; nobody waits for the disk.

    Whoever ends this process does not undo what was written, only the loss of power can: then it is what the disk has
    of it, and whoever reads it verifies it. Methods raise `OSError`.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._descriptor)

    def write(self, note: str) -> None:
        """Remember this one."""
        octets = note.encode()
        if os.pwrite(self._descriptor, octets, 0) < len(octets):
            raise OSError("only a part of the checkpoint could be written")
