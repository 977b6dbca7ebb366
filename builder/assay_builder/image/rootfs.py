"""The files of an image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from assay.domain.errors import InvalidInput
from assay_builder.plan.spec import ImageFile

_FOLDER_MODE = 0o755
_TEMPORARY_MODE = 0o1777
_PROGRAM_MODE = 0o755
_TEXT_MODE = 0o644
LICENCE_FOLDER = "usr/share/licences"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Entry:
    """A file, or with `content` None a folder. `path` is relative to the root, without slashes at its ends."""

    path: str
    mode: int
    content: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A finished program and its name in `/usr/bin`."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceFile:
    """A licence text of a linked module, byte for byte; `path` is relative to the module."""

    module: str
    path: str
    content: bytes = field(repr=False)


def make_rootfs(
    *, user: int, programs: Sequence[Program], licences: Iterable[LicenceFile], files: Iterable[ImageFile]
) -> tuple[Entry, ...]:
    """Every entry of the image with all its parent folders, sorted by path.

    Raises `InvalidInput(image_path_conflict)` when two entries want one path.
    """
    wanted = [
        *(Entry(path=f"usr/bin/{program.name}", mode=_PROGRAM_MODE, content=program.content) for program in programs),
        Entry(path="etc/passwd", mode=_TEXT_MODE, content=_passwd(user)),
        Entry(path="etc/group", mode=_TEXT_MODE, content=_group(user)),
        Entry(path="tmp", mode=_TEMPORARY_MODE, content=None),
        *(
            Entry(path=f"{LICENCE_FOLDER}/{item.module}/{item.path}", mode=_TEXT_MODE, content=item.content)
            for item in licences
        ),
        *(Entry(path=file.path.lstrip("/"), mode=file.mode, content=file.text.encode()) for file in files),
    ]
    entries: dict[str, Entry] = {}
    for entry in wanted:
        if entry.path in entries:
            raise _conflict(entry.path)
        entries[entry.path] = entry
    for path in [folder for entry in wanted for folder in _folders_of(entry.path)]:
        folder = entries.setdefault(path, Entry(path=path, mode=_FOLDER_MODE, content=None))
        if folder.content is not None:
            raise _conflict(path)
    return tuple(entries[path] for path in sorted(entries))


def _folders_of(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _passwd(user: int) -> bytes:
    lines = ["root:x:0:0:root:/root:/sbin/nologin", f"nonroot:x:{user}:{user}:nonroot:/tmp:/sbin/nologin"]
    return "".join(f"{line}\n" for line in lines).encode()


def _group(user: int) -> bytes:
    return f"root:x:0:\nnonroot:x:{user}:\n".encode()


def _conflict(path: str) -> InvalidInput:
    return InvalidInput(
        "image_path_conflict",
        f"two things of the image want the path /{path}",
        remedy="choose another path in the specification",
    )
