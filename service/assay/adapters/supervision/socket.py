"""Listening sockets that outlive the servers behind them."""

import os
import socket
from contextlib import ExitStack
from pathlib import Path

_BACKLOG = 1024


def listen_on(*, host: str = "", port: int = 0, unix_path: Path | None = None) -> socket.socket:
    """A listening socket on an address (port 0: a free one) or on a unix socket with mode 0600.

    The supervisor holds it, so a restarted server loses no connection that is waiting.
    """
    family = socket.AF_UNIX if unix_path is not None else socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as on_failure:
        listener = on_failure.enter_context(socket.socket(family, socket.SOCK_STREAM))
        if unix_path is None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
        else:
            _bind_privately(listener, unix_path)
        listener.listen(_BACKLOG)
        listener.set_inheritable(True)
        on_failure.pop_all()
    return listener


def _bind_privately(listener: socket.socket, path: Path) -> None:
    path.unlink(missing_ok=True)
    previous = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(previous)
