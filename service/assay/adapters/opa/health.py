"""OPA's own health, asked without the client library: the supervisor must stay small and single-threaded."""

import socket
from pathlib import Path

_SECONDS = 1.0
_REQUEST = b"GET /health?bundles HTTP/1.0\r\nHost: opa\r\n\r\n"


def is_healthy(socket_path: Path) -> bool:
    """Whether OPA answers within a second that its bundle is active; False for everything else."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(str(socket_path))
            connection.sendall(_REQUEST)
            status = connection.recv(64).split(b" ", 2)
    except OSError:
        return False
    return len(status) > 1 and status[1] == b"200"
