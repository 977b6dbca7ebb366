"""Listening sockets that outlive the servers behind them."""

import os
import socket
from pathlib import Path

_BACKLOG = 1024


def listen_on(*, host: str = "", port: int = 0, unix_path: Path | None = None) -> socket.socket:
    """A listening socket on an address (port 0: a free one) or on a unix socket with mode 0600.

    The supervisor holds it, so a restarted server loses no connection that is waiting.
    """
    if unix_path is None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    else:
        unix_path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        previous = os.umask(0o177)
        try:
            listener.bind(str(unix_path))
        finally:
            os.umask(previous)
    listener.listen(_BACKLOG)
    listener.set_inheritable(True)
    return listener
