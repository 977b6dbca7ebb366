"""The append-only file of everything that a signer process signed."""

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, Unavailable
from assay.domain.signing_rule import PermittedMessage


class SignatureLog:
    """Appends one JSON line for each signature, on disk before the signature is handed out."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def append(self, message: PermittedMessage, *, key: Digest, user: int, process: int, time: datetime) -> str:
        """Append a line and return it; `Unavailable(signature_log_unavailable)` when it is not on disk."""
        line = json.dumps(
            {
                "time": time.isoformat(timespec="seconds"),
                "user": user,
                "process": process,
                "key": str(key),
                "message": str(message.digest),
                "kind": message.kind,
                "predicate_type": message.predicate_type,
                "builder": message.builder,
                "subjects": [str(subject) for subject in message.subjects],
            }
        )
        octets = line.encode("ascii") + b"\n"
        try:
            # One write: appended as a whole or not at all, unless the disk is full.
            written = os.write(self._descriptor, octets)
            os.fsync(self._descriptor)
        except OSError as error:
            raise _unavailable(error.strerror or "it cannot be written") from error
        if written != len(octets):
            raise _unavailable("the disk is full")
        return line


@contextmanager
def open_signature_log(path: Path) -> Iterator[SignatureLog]:
    """Open the log for one signer alone; a new file has mode 0600.

    Raises `ConfigError`: `signature_log_unusable`, `signer_in_use` when another signer writes it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be opened") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _unusable(path, "it is no file that only its owner can write")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                "signer_in_use", f"another signer writes {path}", remedy="give each signer its own log and socket"
            ) from error
        yield SignatureLog(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        "signature_log_unavailable",
        f"the signature could not be logged, so it is not handed out: {why}",
        remedy="check the signer's disk, then repeat",
    )


def _unusable(path: Path, why: str) -> ConfigError:
    return ConfigError("signature_log_unusable", f"{path} cannot be used: {why}", remedy="check path, owner and mode")
