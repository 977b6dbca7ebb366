"""Go modules: how they are named, and where a module proxy keeps their files."""

import re
from dataclasses import dataclass

from assay.domain.errors import InvalidInput

TOOLCHAIN_MODULE = "golang.org/toolchain"
_ELEMENT = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_PATH = re.compile(rf"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/{_ELEMENT})*", re.ASCII)
_VERSION = re.compile(r"v[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+incompatible)?", re.ASCII)
_GO_RELEASE = re.compile(r"1\.(?:2[6-9]|[3-9][0-9])\.[0-9]{1,3}", re.ASCII)
_LONGEST = 200


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Module:
    """A module path with one exact version.

    Branches, queries (`latest`) and paths without a host are refused: `InvalidInput(module_malformed)`
    (Go modules reference, "Module paths" and "Versions").
    """

    path: str
    version: str

    def __post_init__(self) -> None:
        if len(self.path) > _LONGEST or not _PATH.fullmatch(self.path):
            raise _malformed(self.path, "this is not a module path")
        if len(self.version) > _LONGEST or not _VERSION.fullmatch(self.version):
            raise _malformed(f"{self.path}@{self.version}", "this is not an exact version")

    @property
    def prefix(self) -> str:
        """The folder that holds every file of the module's zip."""
        return f"{self.path}@{self.version}/"

    @property
    def zip_path(self) -> str:
        """Where a module proxy keeps the module's files, relative to the proxy."""
        return f"{_escape(self.path)}/@v/{_escape(self.version)}.zip"

    @property
    def mod_path(self) -> str:
        """Where a module proxy keeps the module's `go.mod`, relative to the proxy."""
        return f"{_escape(self.path)}/@v/{_escape(self.version)}.mod"

    @property
    def purl(self) -> str:
        """The package URL (purl specification, type `golang`)."""
        return f"pkg:golang/{self.path}@{self.version.replace('+', '%2B')}"

    def __str__(self) -> str:
        return f"{self.path}@{self.version}"


def toolchain_module(release: str) -> Module:
    """The module that holds the Go toolchain of a release (`1.26.11`) for linux/amd64.

    Raises `InvalidInput(module_malformed)` for anything but an exact release of Go 1.26 or later.
    """
    if not _GO_RELEASE.fullmatch(release):
        raise _malformed(release, "this is not an exact Go release of 1.26 or later")
    return Module(path=TOOLCHAIN_MODULE, version=f"v0.0.1-go{release}.linux-amd64")


def _escape(text: str) -> str:
    """Upper-case letters become `!` and the lower-case letter (Go modules reference, "GOPROXY protocol")."""
    return re.sub(r"[A-Z]", lambda match: f"!{match.group().lower()}", text)


def _malformed(text: str, why: str) -> InvalidInput:
    return InvalidInput(
        "module_malformed",
        f"{text[:200]!r}: {why}",
        remedy="name a module path and one exact version such as v1.2.3",
    )
