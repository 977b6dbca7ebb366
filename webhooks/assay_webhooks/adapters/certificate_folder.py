"""The folder that holds a webhook's certificates.

`ca.crt` is the bundle for the API server, `tls.crt` and `tls.key` serve, and `next/` holds the pair of a rotation that
has begun. Files have mode 0600. Every file is replaced as a whole, in an order in which a step that was interrupted can
be taken again.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from assay.domain.errors import ConfigError
from assay_webhooks.certificate import CertificateFiles
from assay_webhooks.rotation import CertificateState

_NEXT = "next"
_LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFolder:
    """Reads and writes the state; raises `ConfigError`: `certificates_exist`, `certificates_missing`."""

    folder: Path

    def create(self, state: CertificateState) -> None:
        """Write the first certificates; never overwrites any."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any((self.folder / name).exists() for name in ("ca.crt", "tls.crt", "tls.key", _NEXT)):
            raise ConfigError(
                "certificates_exist",
                f"{self.folder} holds certificates already",
                remedy="rotate them, or name another folder",
            )
        self.write(state)

    def read(self) -> CertificateState:
        """The state that lies in the folder."""
        bundle = _read(self.folder / "ca.crt")
        staged = self.folder / _NEXT
        return CertificateState(
            bundle_pem=bundle,
            serving=_read_pair(self.folder, ca_pem=bundle),
            staged=_read_pair(staged, ca_pem=_read(staged / "ca.crt")) if staged.is_dir() else None,
        )

    def write(self, state: CertificateState) -> None:
        """Bring the folder to this state.

        What is staged lies there before the bundle names its authority; what serves is replaced before what was staged
        is removed.
        """
        if state.staged is not None:
            self._write_staged(state.staged)
        _replace(self.folder / "ca.crt", state.bundle_pem)
        # A server that reads in between finds a key of another certificate, and keeps what it has.
        _replace(self.folder / "tls.key", state.serving.key_pem)
        _replace(self.folder / "tls.crt", state.serving.certificate_pem)
        if state.staged is None and (self.folder / _NEXT).exists():
            shutil.rmtree(self.folder / _NEXT)

    def _write_staged(self, files: CertificateFiles) -> None:
        staged, draft = self.folder / _NEXT, self.folder / f"{_NEXT}.new"
        if staged.exists():
            return
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        for name, octets in (("ca.crt", files.ca_pem), ("tls.crt", files.certificate_pem), ("tls.key", files.key_pem)):
            _replace(draft / name, octets)
        draft.rename(staged)

    def is_private(self) -> bool:
        """Whether nobody but the owner can read the key."""
        return not (self.folder / "tls.key").stat().st_mode & 0o077


def _read_pair(folder: Path, *, ca_pem: bytes) -> CertificateFiles:
    return CertificateFiles(ca_pem=ca_pem, certificate_pem=_read(folder / "tls.crt"), key_pem=_read(folder / "tls.key"))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise ConfigError(
            "certificates_missing",
            f"{path} cannot be read: {error.strerror}",
            remedy="make certificates first: `assay webhook certificates make`",
        ) from error


def _replace(path: Path, octets: bytes) -> None:
    draft = path.with_name(f"{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
