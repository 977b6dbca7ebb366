"""One supervisor for each state folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.domain.errors import ConfigError


@contextmanager
def hold_supervisor_lock(path: Path) -> Iterator[None]:
    """Be the one supervisor behind this file; `ConfigError(already_running)` when there is one.

    The kernel releases the lock with the process that holds it, however that ends; no child inherits it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                "already_running",
                f"another `assay serve` uses the state folder {path.parent}",
                remedy="stop it first, or give this one a state folder of its own",
            ) from error
        yield
    finally:
        os.close(descriptor)
