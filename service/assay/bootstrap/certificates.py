"""How long the certificates of the web servers live."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509

from assay.bootstrap.installation import Installation

_LATE = 0.75


def certificate_seconds(installation: Installation, now: datetime) -> Mapping[str, float]:
    """Seconds until the certificate of each server with TLS ends, below zero afterwards; 0 when it cannot be read."""
    found = {}
    for server, path in _certificates(installation):
        certificate = _read(path)
        found[server] = (certificate.not_valid_after_utc - now).total_seconds() if certificate else 0.0
    return found


def certificate_warnings(installation: Installation, now: datetime) -> Sequence[str]:
    """The servers whose certificate should have been renewed: three quarters of its life are over."""
    warnings = []
    for server, path in _certificates(installation):
        certificate = _read(path)
        if certificate is None:
            warnings.append(f"certificate: the file of the {server} cannot be read")
        elif now >= _due(certificate):
            warnings.append(f"certificate: that of the {server} ends at {certificate.not_valid_after_utc.isoformat()}")
    return warnings


def _certificates(installation: Installation) -> Iterator[tuple[str, Path]]:
    for name, server in installation.settings.servers.items():
        if server.tls is not None:
            yield name, installation.path(server.tls.certificate)


def _read(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _due(certificate: x509.Certificate) -> datetime:
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return certificate.not_valid_before_utc + life * _LATE
