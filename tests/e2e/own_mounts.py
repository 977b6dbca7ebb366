"""Mounts that one process and those below it see, and nobody else."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount", "--")
"""Starts a program with mounts of its own; whoever may make user namespaces may, root or not."""

_KEPT = {os.ST_NOSUID: "nosuid", os.ST_NODEV: "nodev", os.ST_NOEXEC: "noexec"}
"""What a mount has that was made outside; the kernel lets nobody inside take it away."""


@contextmanager
def read_only(path: Path, pid: int) -> Iterator[None]:
    """Let a process that was started with `OWN_MOUNTS` open a file for reading alone, whoever it is."""
    flags = os.statvfs(path).f_flag
    options = ["remount", "bind", "ro", *(name for flag, name in _KEPT.items() if flags & flag)]
    _run_beside(pid, "mount", "--bind", str(path), str(path))
    try:
        _run_beside(pid, "mount", "--options", ",".join(options), str(path))
        yield
    finally:
        _run_beside(pid, "umount", "--lazy", str(path))


def _run_beside(pid: int, *command: str) -> None:
    entered = ("nsenter", "--target", str(pid), "--user", "--preserve-credentials", "--mount", "--")
    subprocess.run([*entered, *command], check=True, timeout=60)
