"""Secrets in files, which may be replaced while we run."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from assay.domain.errors import ConfigError, Unavailable

_SHORTEST = 16
_LONGEST = 1024


class SecretFiles:
    """Secrets that count side by side, each in a file of its own, so that one can follow another without a gap.

    The files are read whenever the secrets are asked for: a file that was replaced counts from then on, and one that is
    gone no more. Raises `ConfigError(secret_unusable)` when one of the files cannot be used at the beginning.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(files)
        for file in self._files:
            if why := _look(file)[1]:
                raise ConfigError(
                    "secret_unusable",
                    f"the secret in {file} cannot be used: {why}",
                    remedy=f"write {_SHORTEST} to {_LONGEST} printable characters into a file that others cannot read",
                )

    def read(self) -> tuple[bytes, ...]:
        """The secrets that can be used now, at least one; `Unavailable(secret_unavailable)` when there is none."""
        secrets = tuple(secret for secret, why in map(_look, self._files) if not why)
        if not secrets:
            raise Unavailable(
                "secret_unavailable", "no secret can be read", remedy="look at the files of `secrets` and their modes"
            )
        return secrets


def _look(file: Path) -> tuple[bytes, str]:
    """What is in a file, and why it is no secret."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:
            mode = os.fstat(descriptor).st_mode
            octets = opened.read(_LONGEST + 2) if stat.S_ISREG(mode) else b""
    except OSError as error:
        return b"", error.strerror or type(error).__name__
    return octets.removesuffix(b"\n"), _objection(octets.removesuffix(b"\n"), mode)


def _objection(secret: bytes, mode: int) -> str:
    if not stat.S_ISREG(mode):
        return "it is no file"
    if mode & stat.S_IRWXO:
        return "others may read or change it"
    if not _SHORTEST <= len(secret) <= _LONGEST:
        return f"it has {len(secret)} characters" if len(secret) <= _LONGEST else "it is too long"
    if not (secret.isascii() and secret.decode("ascii").isprintable()):
        return "it has characters that no header can carry"
    return ""
