"""A folder that lives as long as one build."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from assay.domain.errors import InvalidInput, Unavailable
from assay_builder.adapters.sandbox.bubblewrap import UNPRIVILEGED, is_root

_FOLDER_MODE = 0o755
_LARGEST_PROGRAM = 512 * 1024 * 1024


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A new folder that only the user of the sandboxes can enter; removed at the end, whatever lies in it.

    Raises `Unavailable(scratch_unavailable)` when it cannot be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="assay-build-", dir=parent))
    except OSError as error:
        raise Unavailable(
            "scratch_unavailable",
            f"no folder for the build can be made in {parent}: {error.strerror}",
            remedy="check the folder, its rights and free space",
        ) from error
    try:
        hand_over(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def hand_over(folder: Path) -> None:
    """Give a folder to the user that sandboxes run as."""
    if is_root():
        os.chown(folder, UNPRIVILEGED, UNPRIVILEGED)


def writable_folder(folder: Path) -> Path:
    """Make a folder that the sandbox may write to."""
    folder.mkdir()
    hand_over(folder)
    return folder


def write_file(root: Path, name: str, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file below a root that only the builder writes to; names were checked by the reader of the archive."""
    place = root / name
    place.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
    place.write_bytes(content)
    place.chmod(mode)


def read_program(folder: Path, name: str) -> bytes:
    """Read what a sandbox wrote: a plain file, no link, not larger than a program may be.

    Raises `InvalidInput(build_output_missing)`.
    """
    try:
        handle = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            content = file.read(_LARGEST_PROGRAM + 1)
    except OSError as error:
        raise _missing(name) from error
    if not content or len(content) > _LARGEST_PROGRAM:
        raise _missing(name)
    return content


def _missing(name: str) -> InvalidInput:
    return InvalidInput(
        "build_output_missing",
        f"the build left no usable program {name}",
        remedy="check that the package is a main package",
    )
