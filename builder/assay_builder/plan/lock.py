"""The lock: every input of a build, pinned by SHA-256."""

import base64
import json
import re
from dataclasses import dataclass
from enum import StrEnum

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.formats.strict_json import parse_json
from assay_builder.plan.field import Fields
from assay_builder.plan.module import TOOLCHAIN_MODULE, Module

LOCK_VERSION = 1
LARGEST_INPUT = 512 * 1024 * 1024
_LARGEST_LOCK = 4 * 1024 * 1024
_MOST_INPUTS = 5000
_CODE = "lock_malformed"
_H1 = re.compile(r"h1:[A-Za-z0-9+/]{43}=", re.ASCII)


class InputKind(StrEnum):
    """What an input is to the build."""

    TOOLCHAIN = "toolchain"
    SOURCE = "source"
    MODULE = "module"
    MODULE_FILE = "module_file"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class LockedInput:
    """One file of the module proxy: `size` in bytes, `digest` of the file, `h1` as `go.sum` writes it.

    Raises `InvalidInput(lock_malformed)` for values that cannot be.
    """

    kind: InputKind
    module: Module
    size: int
    digest: Digest
    h1: str

    def __post_init__(self) -> None:
        if not 0 < self.size <= LARGEST_INPUT:
            raise _malformed(f"{self.module} has {self.size} bytes")
        if not _H1.fullmatch(self.h1) or not _is_canonical(self.h1.removeprefix("h1:")):
            raise _malformed(f"{self.module} has no usable h1 hash")
        if (self.module.path == TOOLCHAIN_MODULE) != (self.kind is InputKind.TOOLCHAIN):
            raise _malformed(f"{self.module} cannot be the {self.kind.value}")

    @property
    def path(self) -> str:
        """Where a module proxy keeps the file, relative to the proxy."""
        return self.module.mod_path if self.kind is InputKind.MODULE_FILE else self.module.zip_path

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.kind.value} {self.module}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Every input, sorted by path, and the digest of the specification they were locked for.

    Guaranteed: one toolchain, one source, no path twice, a module file for every module.
    """

    spec: Digest
    inputs: tuple[LockedInput, ...]

    def __post_init__(self) -> None:
        paths = [item.path for item in self.inputs]
        if paths != sorted(set(paths)):
            raise _malformed("its inputs are not sorted by path, or one occurs twice")
        for kind in (InputKind.TOOLCHAIN, InputKind.SOURCE):
            if len(self.of_kind(kind)) != 1:
                raise _malformed(f"exactly one {kind.value} is expected")
        files = {item.module for item in self.of_kind(InputKind.MODULE_FILE)}
        if any(item.module not in files for item in self.of_kind(InputKind.MODULE)):
            raise _malformed("a module has no module file")

    def of_kind(self, kind: InputKind) -> tuple[LockedInput, ...]:
        """The inputs of one kind."""
        return tuple(item for item in self.inputs if item.kind is kind)

    @property
    def toolchain(self) -> LockedInput:
        """The Go toolchain."""
        return self.of_kind(InputKind.TOOLCHAIN)[0]

    @property
    def source(self) -> LockedInput:
        """The program's source."""
        return self.of_kind(InputKind.SOURCE)[0]


def parse_lock(octets: bytes) -> Lock:
    """Parse a lock; `InvalidInput(json_malformed | json_too_large | lock_malformed | …)` for everything else."""
    root = Fields(parse_json(octets, what="the lock", largest=_LARGEST_LOCK), place="lock", code=_CODE)
    if (version := root.number("version", largest=10_000)) != LOCK_VERSION:
        raise root.refuse("version", f"{version} is not known; {LOCK_VERSION} is expected")
    lock = Lock(
        spec=Digest(root.text("spec")),
        inputs=tuple(_input(item) for item in root.sections("inputs")),
    )
    root.finish()
    if len(lock.inputs) > _MOST_INPUTS:
        raise _malformed(f"it has more than {_MOST_INPUTS} inputs")
    return lock


def render_lock(lock: Lock) -> bytes:
    """The one form of a lock; `parse_lock` reads it back unchanged."""
    document = {
        "version": LOCK_VERSION,
        "spec": str(lock.spec),
        "inputs": [
            {
                "kind": item.kind.value,
                "name": item.module.path,
                "version": item.module.version,
                "path": item.path,
                "size": item.size,
                "sha256": item.digest.hex,
                "h1": item.h1,
            }
            for item in lock.inputs
        ],
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _input(fields: Fields) -> LockedInput:
    kind = fields.text("kind")
    if kind not in set(InputKind):
        raise fields.refuse("kind", f"{kind[:40]!r} is not known")
    item = LockedInput(
        kind=InputKind(kind),
        module=Module(path=fields.text("name"), version=fields.text("version")),
        size=fields.number("size", largest=LARGEST_INPUT),
        digest=Digest.from_hex(fields.text("sha256")),
        h1=fields.text("h1"),
    )
    if fields.text("path") != item.path:
        raise fields.refuse("path", f"{item.path} is expected")
    fields.finish()
    return item


def _is_canonical(text: str) -> bool:
    """Whether base64 text of the right form is the one way to write its bytes."""
    return base64.b64encode(base64.b64decode(text)).decode() == text


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(_CODE, f"the lock cannot be used: {why}", remedy="write it again with `assay lock SPEC`")
