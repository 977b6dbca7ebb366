"""A serving certificate that can be replaced while it serves."""

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPaths:
    """PEM files: the certificate, its key, and the CA that client certificates must come from, if any must.

    `lowest` is the oldest version of TLS that is spoken.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2


class ReloadingContext:
    """The TLS context of the newest usable files.

    A connection keeps the context it began with, so a replaced certificate breaks none. Files that cannot be used are
    refused: the last usable ones go on, and `warning` says so. Raises `OSError` (`ssl.SSLError` is one) and
    `ValueError` when the first files cannot be used.
    """

    def __init__(self, paths: TlsPaths) -> None:
        self._paths = paths
        self._seen = self._digest()
        self.context = _open_context(paths)
        self.warning = ""

    def refresh(self) -> None:
        """Take up files whose content has changed."""
        try:
            digest = self._digest()
            if digest == self._seen:
                return
            self.context = _open_context(self._paths)
        except (OSError, ValueError) as error:
            # The digest is not kept: a key that is written after its certificate is taken up at the next look.
            self.warning = f"the new certificate files cannot be used ({type(error).__name__}); the old ones serve"
            return
        self._seen = digest
        self.warning = ""

    def _digest(self) -> bytes:
        files = [self._paths.certificate, self._paths.key, self._paths.client_ca]
        return b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files if path is not None)


def _open_context(paths: TlsPaths) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=paths.client_ca)
    context.minimum_version = paths.lowest
    # An encrypted key must fail here; without an answer OpenSSL would ask at the terminal.
    context.load_cert_chain(paths.certificate, paths.key, password=_refuse_password)
    if paths.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _refuse_password() -> str:
    raise ValueError("the key is encrypted")
