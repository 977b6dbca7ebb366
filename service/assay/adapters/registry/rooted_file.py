"""Files below one root, opened component by component so that no symbolic link is ever followed."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from assay.domain.errors import InvalidInput, Unavailable

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO must not make us wait
_OTHER_KIND = frozenset({errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG})


class FileTooLargeError(Exception):
    """The file has more bytes than the caller allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootedFolder:
    """A folder below `root`, named by components; what the root's own path follows is the operator's choice.

    Raises `InvalidInput(layout_refused)` when a component is empty, `.` or `..`, is not printable or has a separator.
    """

    root: Path
    components: tuple[str, ...]

    def __post_init__(self) -> None:
        for component in self.components:
            if component in {"", ".", ".."} or "/" in component or not component.isprintable():
                raise _refused("/".join(self.components), "it is not a plain path below the configured root")

    @classmethod
    def below(cls, root: Path, relative: str) -> "RootedFolder":
        """The folder that a caller named by a relative path with `/` between components."""
        return cls(root=root, components=tuple(relative.split("/")))

    @property
    def name(self) -> str:
        """The path below the root; the root itself is not the caller's to know."""
        return "/".join(self.components)

    def read(self, *components: str, largest: int) -> bytes | None:
        """The bytes of a regular file, or None when it does not exist.

        Raises `FileTooLargeError` before reading more than `largest` bytes, `InvalidInput(layout_refused)` for a
        symbolic link or another kind of file on the way, `Unavailable(registry_denied | registry_unavailable)` when
        the file system refuses.
        """
        try:
            with self._translated(components), self._folder(components[:-1]) as folder:
                octets = _read_regular(components[-1], folder, largest + 1)
        except FileNotFoundError:
            return None
        if len(octets) > largest:
            raise FileTooLargeError
        return octets

    def names(self, *components: str, most: int) -> tuple[str, ...]:
        """The sorted names in a folder, at most `most` + 1 of them; none when the folder does not exist."""
        names: list[str] = []
        try:
            with self._translated(components), self._folder(components) as folder, os.scandir(folder) as entries:
                names.extend(entry.name for entry in islice(entries, most + 1))
        except FileNotFoundError:
            return ()
        return tuple(sorted(names))

    def exists(self) -> bool:
        """Whether the folder is there."""
        try:
            with self._translated(()), self._folder(()):
                return True
        except FileNotFoundError:
            return False

    @contextmanager
    def _folder(self, components: tuple[str, ...]) -> Iterator[int]:
        current = os.open(self.root, _DIRECTORY)
        try:
            for component in (*self.components, *components):
                following = os.open(component, _DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
                os.close(current)
                current = following
            yield current
        finally:
            os.close(current)

    @contextmanager
    def _translated(self, components: tuple[str, ...]) -> Iterator[None]:
        """Let absence through and make every other answer of the file system an error of ours."""
        what = "/".join((*self.components, *components))
        try:
            yield
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise Unavailable(
                "registry_denied", f"{what} may not be read", remedy="let the service read the layout"
            ) from error
        except OSError as error:
            if error.errno in _OTHER_KIND:
                raise _refused(what, "a symbolic link or a file stands where a folder or file belongs") from error
            raise Unavailable(
                "registry_unavailable", f"{what} cannot be read ({error.strerror})", remedy="check the file system"
            ) from error


def _read_regular(name: str, folder: int, amount: int) -> bytes:
    opened = os.open(name, _FILE, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise _refused(name, "it is not a regular file")
        with open(opened, "rb", closefd=False) as file:
            return file.read(amount)
    finally:
        os.close(opened)


def _refused(what: str, why: str) -> InvalidInput:
    return InvalidInput(
        "layout_refused",
        f"the layout {what[:200]!r} cannot be read: {why}",
        remedy="name a folder relative to the configured root, without symbolic links",
    )
