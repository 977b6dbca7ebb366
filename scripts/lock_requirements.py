"""Pin dependencies with hashes: `python -m scripts.lock_requirements` rewrites `requirements/*.lock`.

The development lock is made first and the others are held to it, so that one package has one version in all of them.
uv, itself pinned by hash, does the resolving, for every platform from one machine.
"""

import subprocess
import sys
from pathlib import Path

from scripts.checkout import Checkout
from scripts.virtual_environment import pip, python_environment

_OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--upgrade",
    "--quiet",
)
_HELD = ("--constraint", "requirements/development.lock")

# (lock, what it is resolved from); in this order.
SOURCES = (
    ("development.lock", ("pyproject.toml", "--all-extras", "--group", "test", "--group", "build")),
    ("runtime.lock", ("pyproject.toml", *_HELD)),
    ("build.lock", ("--group", "build", *_HELD)),
    ("fuzz.lock", ("--group", "fuzz", *_HELD)),
    ("go.lock", ("requirements/go.in",)),
    ("uv.lock", ("requirements/uv.in",)),
)


def install_uv(checkout: Checkout) -> Path:
    """Install the pinned uv into `.tools/uv` and return its path."""
    target = checkout.tools / "uv"
    options = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--upgrade", "--target", str(target)]
    command = [*pip(checkout), "install", "--quiet", *options, "--requirement", "requirements/uv.lock"]
    subprocess.run(command, cwd=checkout.root, env=python_environment(), check=True)
    return target / "bin" / "uv"


def main() -> None:
    """Rewrite every lock file."""
    checkout = Checkout(root=Path(__file__).resolve().parent.parent)
    uv = install_uv(checkout)
    for lock, sources in SOURCES:
        print(f"requirements/{lock}", flush=True)
        command = [str(uv), "pip", "compile", *_OPTIONS, "--output-file", f"requirements/{lock}", *sources]
        subprocess.run(command, cwd=checkout.root, env=python_environment(), check=True)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"lock: {error}")
