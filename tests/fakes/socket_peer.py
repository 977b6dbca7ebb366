"""A peer on a unix socket that does as it is told."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def listening(path: Path, *scripts: Callable[[socket.socket], object]) -> Iterator[None]:
    """Serve one connection after another, each with the next script, and close it afterwards."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.settimeout(10)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        for script in scripts:
            connection, _ = listener.accept()
            connection.settimeout(10)
            with connection:
                script(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        listener.close()
