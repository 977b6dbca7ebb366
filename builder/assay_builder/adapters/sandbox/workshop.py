"""A root for the go command: toolchain, source and module files read-only, an empty place to work."""

from collections.abc import Sequence
from pathlib import Path

from assay_builder.adapters.sandbox.bubblewrap import Bind, Bubblewrap, Confined
from assay_builder.adapters.sandbox.scratch import read_program, writable_folder, write_file
from assay_builder.confinement import Completed
from assay_builder.module_zip import ModuleZip
from assay_builder.plan.module import Module

_USER = 1000
_BUILD_SECONDS = 600.0
_LARGEST_OUTPUT = 64 * 1024 * 1024
_PROGRAM_FOLDERS = ("bin/", "pkg/tool/")
_LEFT_OUT = ("api/", "doc/", "misc/", "test/", "src/cmd/")
_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GO111MODULE": "on",
    "GOCACHE": "/build/cache",
    "GOENV": "off",
    "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false -modcacherw",
    "GOMODCACHE": "/build/modules",
    "GOPROXY": "file:///proxy",
    "GOROOT": "/go",
    "GOSUMDB": "off",
    "GOTELEMETRY": "off",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "HOME": "/build/home",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}


class GoWorkshop:
    """A workshop in a scratch folder. The compiler cache is empty when it opens and is used by nobody else.

    The go command checks every module against the source's `go.sum` itself: the checksum database is off because
    there is no network, and `-mod=readonly` refuses what `go.sum` does not name.
    """

    def __init__(self, bubblewrap: Bubblewrap, scratch: Path, *, epoch: int) -> None:
        self._bubblewrap = bubblewrap
        self._folders = {name: scratch / name for name in ("toolchain", "source", "proxy")}
        for folder in self._folders.values():
            folder.mkdir()
        self._work = writable_folder(scratch / "work")
        for name in ("cache", "modules", "home", "out"):
            writable_folder(self._work / name)
        self._environment = _ENVIRONMENT | {"SOURCE_DATE_EPOCH": str(epoch)}

    def unpack_toolchain(self, module: Module, octets: bytes) -> None:
        """Unpack what a build needs of the toolchain; the zip carries no execute bits, so programs get them here."""
        archive = ModuleZip(octets, prefix=module.prefix)
        for name in archive.names():
            if not _is_needed(name):
                continue
            mode = 0o755 if name.startswith(_PROGRAM_FOLDERS) else 0o644
            write_file(self._folders["toolchain"], name, archive.read(name), mode=mode)

    def unpack_source(self, module: Module, octets: bytes) -> None:
        """Unpack the program's source."""
        archive = ModuleZip(octets, prefix=module.prefix)
        for name in archive.names():
            write_file(self._folders["source"], name, archive.read(name))

    def add_proxy_file(self, path: str, content: bytes) -> None:
        """Offer a file of the module proxy."""
        write_file(self._folders["proxy"], path, content)

    def run_go(self, arguments: Sequence[str]) -> Completed:
        """Run the go command in the source; its status is not judged here."""
        return self._bubblewrap.run(
            Confined(
                command=("/go/bin/go", *arguments),
                binds=(
                    Bind(source=self._folders["toolchain"], target="/go"),
                    Bind(source=self._folders["source"], target="/source"),
                    Bind(source=self._folders["proxy"], target="/proxy"),
                    Bind(source=self._work, target="/build", writable=True),
                ),
                environment=self._environment,
                folder="/source",
                user=_USER,
                seconds=_BUILD_SECONDS,
                largest_output=_LARGEST_OUTPUT,
            )
        )

    def used_proxy_files(self) -> tuple[str, ...]:
        """Which offered files are in the go command's own module cache, sorted."""
        cache = self._work / "modules" / "cache" / "download"
        offered = self._folders["proxy"]
        paths = [str(file.relative_to(offered)) for file in offered.rglob("*") if file.is_file()]
        return tuple(sorted(path for path in paths if (cache / path).is_file()))

    def read_program(self, name: str) -> bytes:
        """A program that was written to `/build/out`."""
        return read_program(self._work / "out", name)


def _is_needed(name: str) -> bool:
    """Whether a build can need a file of the toolchain: tests, documentation and the commands' sources it cannot."""
    return not (name.startswith(_LEFT_OUT) or name.endswith("_test.go") or "/testdata/" in name)
