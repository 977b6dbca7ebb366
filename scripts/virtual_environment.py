"""The virtual environment: every package from a lock file, by hash."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.checkout import Checkout, digest_of, stamp_holds, write_stamp
from scripts.progress import Progress

# pip or venv would follow these to another interpreter or another folder.
_LEADS_ELSEWHERE = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_REQUIREMENT",
    "VIRTUAL_ENV",
)
_VENV_REMEDY = "see the log; remove .venv and run set-up again"
_PIP_REMEDY = (
    "check the network and pip's configuration (`pip config list`: index, proxy, certificate), then run set-up again"
)


def python_environment() -> dict[str, str]:
    """The environment for Python programs: the machine's own, less what points elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in _LEADS_ELSEWHERE}


def digest_of_environment(checkout: Checkout, locks: tuple[str, ...]) -> str:
    """Identity of the environment these lock files lead to."""
    paths = [checkout.root / "requirements" / lock for lock in locks]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return digest_of([*paths, checkout.root / "pyproject.toml"], version)


def environment_is_current(checkout: Checkout, locks: tuple[str, ...]) -> bool:
    """Whether `.venv` was installed from these very lock files and its interpreter is still there."""
    return checkout.python.exists() and stamp_holds(_stamp(checkout, locks), digest_of_environment(checkout, locks))


def install_environment(checkout: Checkout, progress: Progress, locks: tuple[str, ...]) -> None:
    """Make `.venv` when there is none that works, then install the locked packages and the project, editable.

    Only wheels are taken: a source package would run build steps that no hash covers.
    """
    env = python_environment()
    if not _runs_new_enough(checkout.python):
        shutil.rmtree(checkout.venv, ignore_errors=True)
        command = [sys.executable, "-m", "venv", str(checkout.venv)]
        progress.run(command, "making .venv", cwd=checkout.root, env=env, remedy=_VENV_REMEDY)
    requirements = [part for lock in locks for part in ("--requirement", f"requirements/{lock}")]
    progress.run(
        [*pip(checkout), "install", "--require-hashes", "--only-binary", ":all:", *requirements],
        "installing locked Python packages",
        cwd=checkout.root,
        env=env,
        remedy=_PIP_REMEDY,
    )
    progress.run(
        [*pip(checkout), "install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", "."],
        "installing assay, editable",
        cwd=checkout.root,
        env=env,
        remedy=_VENV_REMEDY,
    )
    write_stamp(_stamp(checkout, locks), digest_of_environment(checkout, locks))


def pip(checkout: Checkout) -> list[str]:
    """The command line of the environment's pip, its cache kept inside the checkout."""
    cache = str(checkout.tools / "cache" / "pip")
    return [str(checkout.python), "-m", "pip", "--disable-pip-version-check", "--no-input", "--cache-dir", cache]


def _stamp(checkout: Checkout, locks: tuple[str, ...]) -> Path:
    # Inside .venv, so that it goes when the environment goes.
    return checkout.venv / "-".join(("set-up", *(lock.removesuffix(".lock") for lock in locks)))


def _runs_new_enough(python: Path) -> bool:
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([python, "-c", check], capture_output=True, check=False, timeout=60).returncode == 0
    except OSError:
        return False
