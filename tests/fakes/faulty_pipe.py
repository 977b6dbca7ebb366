"""A pipe between a client and a real server that breaks in one way or another."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

PIECE = 256
PAUSE = 0.005
CUT = 20
GARBAGE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\ntrue"
Address = tuple[str, int] | Path


class Kind(StrEnum):
    """How a collaborator fails."""

    ERROR = "error"
    HANG = "hang"
    GARBAGE = "garbage"
    PARTIAL = "partial"
    SLOW = "slow"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A failure: `garbage` is what comes back, `cut` after how many bytes of the answer the connection ends."""

    kind: Kind
    garbage: bytes = GARBAGE
    cut: int = CUT


class FaultyPipe:
    """Listens on loopback or a unix socket and relays to a server, unless a fault is due.

    What is faulty is a connection made while the fault is due. A hang lasts until it is healed.
    """

    def __init__(self, listener: socket.socket, target: Address) -> None:
        self._listener = listener
        self._target = target
        self._healed = threading.Event()
        self._fault: Fault | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._closed = False

    @classmethod
    @contextmanager
    def to(cls, target: Address, *, at: Path | None = None) -> Iterator[Self]:
        """A pipe to a server, on a port of its own or, for a server on a unix socket, `at` a socket of its own."""
        listener = socket.socket(socket.AF_UNIX if at else socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(str(at) if at else ("127.0.0.1", 0))
        listener.listen(64)
        pipe = cls(listener, target)
        accepting = threading.Thread(target=pipe._accept)
        accepting.start()
        try:
            yield pipe
        finally:
            pipe._healed.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            accepting.join()
            pipe._close()
            for thread in pipe._threads:
                thread.join()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Every connection made in the block is faulty; a hang goes on until its end."""
        self._healed.clear()
        self._fault = fault
        try:
            yield
        finally:
            self._fault = None
            self._healed.set()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection, self._fault))
            self._threads = [each for each in self._threads if each.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, fault: Fault | None) -> None:
        self._keep(connection)
        with connection, contextlib.suppress(OSError):
            match fault:
                case None:
                    self._relay(connection, None)
                case Fault(kind=Kind.ERROR):
                    return
                case Fault(kind=Kind.HANG):
                    self._healed.wait()
                case Fault(kind=Kind.GARBAGE):
                    connection.recv(65536)
                    connection.sendall(fault.garbage)
                case _:
                    self._relay(connection, fault)
        with self._lock:
            self._open.discard(connection)

    def _relay(self, connection: socket.socket, fault: Fault | None) -> None:
        with self._connect() as server:
            self._keep(server)
            asking = threading.Thread(target=_copy, args=(connection, server))
            asking.start()
            _answer(server, connection, fault, self._healed)
            for each in (connection, server):
                _hang_up(each)
            asking.join()
            with self._lock:
                self._open.discard(server)

    def _connect(self) -> socket.socket:
        if isinstance(self._target, Path):
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            server.connect(str(self._target))
            return server
        return socket.create_connection(self._target)

    def _keep(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
            if self._closed:
                _hang_up(connection)

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            for connection in self._open:
                _hang_up(connection)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while octets := source.recv(65536):
            target.sendall(octets)
        target.shutdown(socket.SHUT_WR)


def _answer(server: socket.socket, client: socket.socket, fault: Fault | None, healed: threading.Event) -> None:
    if fault is None:
        with contextlib.suppress(OSError):
            while octets := server.recv(65536):
                client.sendall(octets)
    elif fault.kind is Kind.PARTIAL:
        client.sendall(server.recv(65536)[: fault.cut])
    else:
        while octets := server.recv(PIECE):
            client.sendall(octets)
            healed.wait(PAUSE)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
