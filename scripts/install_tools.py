"""Compiled tools: each from the Go module that pins it, into `.tools/bin`."""

import re
from dataclasses import dataclass
from pathlib import Path

from scripts.checkout import Checkout, SetUpError, digest_of, stamp_holds, write_stamp
from scripts.go_toolchain import Go, go_environment
from scripts.progress import Progress

_TOOL_LINE = re.compile(r"^tool (\S+)$", re.MULTILINE)
_REQUIREMENT = re.compile(r"^(?:require)?\s+(\S+) (v\S+)", re.MULTILINE)
_DOWNLOAD_REMEDY = "check the network and the module proxy (`go env GOPROXY`), then run set-up again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool: the folder that pins it, the package to build and its version.

    `linker_flags` is the text of the folder's `ldflags`, if it has one: what a program that does not read its version
    from the module is told about itself.
    """

    name: str
    folder: Path
    package: str
    version: str
    linker_flags: str

    @property
    def digest(self) -> str:
        """Identity of everything that is compiled: the tool is rebuilt when this changes, and only then."""
        flags = [self.linker_flags] if self.linker_flags else []
        return digest_of([self.folder / "go.mod", self.folder / "go.sum"], *flags)


def read_tool(checkout: Checkout, name: str) -> Tool:
    """Read `tools/<name>/go.mod`; `SetUpError` unless it has exactly one tool line whose module it requires."""
    folder = checkout.root / "tools" / name
    text = (folder / "go.mod").read_text(encoding="utf-8")
    packages = _TOOL_LINE.findall(text)
    if len(packages) != 1:
        raise SetUpError(f"{folder}/go.mod has {len(packages)} tool lines; write exactly one")
    package = str(packages[0])
    holders = [(path, version) for path, version in _REQUIREMENT.findall(text) if f"{package}/".startswith(f"{path}/")]
    if not holders:
        raise SetUpError(f"{folder}/go.mod does not require the module of {package}; run `go mod tidy` there")
    version = max(holders, key=lambda holder: len(holder[0]))[1]
    flags = folder / "ldflags"
    return Tool(
        name=name,
        folder=folder,
        package=package,
        version=version.removeprefix("v"),
        linker_flags=flags.read_text(encoding="utf-8").strip() if flags.is_file() else "",
    )


def tool_is_current(checkout: Checkout, tool: Tool) -> bool:
    """Whether the binary is there and was built from the module as it stands."""
    return (checkout.binaries / tool.name).is_file() and stamp_holds(checkout.stamp(tool.name), tool.digest)


def install_tool(checkout: Checkout, progress: Progress, tool: Tool, go: Go) -> None:
    """Download the modules a tool needs, checked by its go.sum, and compile it; the binary appears at once or not."""
    env = go_environment(checkout, go)
    name = f"{tool.name} {tool.version}"
    readonly = ["-mod=readonly"]
    listing = [str(go.path), "list", *readonly, "-deps", "-f", "{{.ImportPath}}", tool.package]
    progress.run(listing, f"{name}: downloading modules", cwd=tool.folder, env=env, remedy=_DOWNLOAD_REMEDY)
    checkout.binaries.mkdir(parents=True, exist_ok=True)
    fresh = checkout.binaries / f".{tool.name}.new"
    options = [*readonly, "-trimpath", f"-ldflags={f'-s -w {tool.linker_flags}'.strip()}", "-o", str(fresh)]
    progress.run(
        [str(go.path), "build", *options, tool.package],
        f"{name}: compiling",
        cwd=tool.folder,
        env=env,
        remedy=f"see the log; {go.version} at {go.path} was used",
    )
    fresh.rename(checkout.binaries / tool.name)
    write_stamp(checkout.stamp(tool.name), tool.digest)
