"""Module zips, read strictly: one way to understand every archive."""

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator

from assay.domain.errors import InvalidInput

_MOST_FILES = 60_000
_LARGEST_TOTAL = 1024 * 1024 * 1024
_LARGEST_FILE = 256 * 1024 * 1024
_SYSTEM_UNIX = 3


class ModuleZip:
    """The files of one module, below its prefix (Go modules reference, "Module zip files").

    Guaranteed after construction: every name is relative, normal, printable ASCII or UTF-8 without backslash, unique
    also when case is ignored, and below `prefix`; nothing is a link, a folder or encrypted; no name is a folder of
    another; the declared sizes are within the limits. Contents are checked against their declared size and CRC when
    they are read. Raises `InvalidInput(zip_malformed)`.
    """

    def __init__(self, octets: bytes, *, prefix: str) -> None:
        self._prefix = prefix
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(octets))
        except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, EOFError) as error:
            raise self._refuse(str(error)) from error
        self._members = self._checked_members()

    def names(self) -> tuple[str, ...]:
        """Every file, relative to the prefix, sorted."""
        return tuple(sorted(self._members))

    def read(self, name: str) -> bytes:
        """The content of one file of `names`."""
        member = self._members[name]
        try:
            return self._archive.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
            raise self._refuse(f"{name[:200]!r}: {error}") from error

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Full name and content of every file, sorted by name."""
        for name in self.names():
            yield f"{self._prefix}{name}", self.read(name)

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        members = self._archive.infolist()
        if len(members) > _MOST_FILES or sum(member.file_size for member in members) > _LARGEST_TOTAL:
            raise self._refuse("it holds more than a module may")
        checked = {self._checked_name(member): member for member in members}
        folded = {name.casefold() for name in checked}
        if len(folded) != len(members):
            raise self._refuse("a name occurs twice")
        folders = {folder for name in folded for folder in _folders_of(name)}
        if folders & folded:
            raise self._refuse(f"{min(folders & folded)[:200]!r} is a file and a folder")
        return checked

    def _checked_name(self, member: zipfile.ZipInfo) -> str:
        name = member.orig_filename
        kind = stat.S_IFMT(member.external_attr >> 16) if member.create_system == _SYSTEM_UNIX else 0
        if kind not in {0, stat.S_IFREG} or member.flag_bits & 0x1 or member.file_size > _LARGEST_FILE:
            raise self._refuse(f"{name[:200]!r} is not a plain file of acceptable size")
        relative = name.removeprefix(self._prefix)
        if relative == name or not relative.isprintable() or "\\" in relative:
            raise self._refuse(f"{name[:200]!r} is not below {self._prefix!r}")
        if any(part in {"", ".", ".."} for part in relative.split("/")):
            raise self._refuse(f"{name[:200]!r} is not a normal path")
        return relative

    def _refuse(self, why: str) -> InvalidInput:
        return InvalidInput(
            "zip_malformed",
            f"the zip of {self._prefix.rstrip('/')} cannot be used: {why}",
            remedy="lock another version of the module, or report this one to its author",
        )


def _folders_of(name: str) -> Iterator[str]:
    folder = name.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
