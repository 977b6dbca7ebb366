"""Who the client of a connection is, by the certificate that the handshake verified."""

import ssl
from collections.abc import Mapping
from typing import Any

_SOCKET = "gunicorn.socket"
"""Where gunicorn puts a connection into the WSGI environment."""


def certified_names(environ: Mapping[str, Any]) -> frozenset[str]:
    """The DNS names of the client's certificate; none when it showed none or the connection has no TLS.

    The handshake has checked chain, dates and purpose against the configured CA. The common name does not count
    (RFC 9525, section 2), nor does an address.
    """
    sock = environ.get(_SOCKET)
    if not isinstance(sock, ssl.SSLSocket):
        return frozenset()
    certificate: Mapping[str, Any] = sock.getpeercert() or {}
    return frozenset(name for kind, name in certificate.get("subjectAltName", ()) if kind == "DNS")
