"""Clients that begin and do not go on: half-open handshakes, heads and bodies that grow by an octet a second."""

import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.vegeta import LoadError

_HEAD = (
    b"POST /validate?timeout=10s HTTP/1.1\r\nHost: slow\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n"
)
_THREADS = 125
_STAGGER_SECONDS = 5.0
"""The server's read deadline: clients that began together would all end together, and none be held meanwhile."""
_TICK_SECONDS, _DRIP_SECONDS, _SAMPLE_SECONDS = 0.5, 1.0, 0.5
_PATIENCE_SECONDS = 60.0
_CONNECT_SECONDS = 10.0
_ENDS = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class Begun(Enum):
    """How far a client goes before it stands still: what it has sent inside of TLS, None before that."""

    HANDSHAKE = None
    HEAD = _HEAD
    BODY = _HEAD + b"\r\n{"


class SlowClients:
    """So many clients of a server, each of which begins anew as soon as the server has closed it."""

    def __init__(self, url: str, ca: Path, count: int) -> None:
        self._ended = threading.Event()
        due = [number * _STAGGER_SECONDS / count for number in range(count)]
        kinds = [list(Begun)[number % len(Begun)] for number in range(count)]
        planned = list(zip(due, kinds, strict=True))
        self._threads = [_Holder(url, ca, planned[first::_THREADS], self._ended) for first in range(_THREADS)]

    def held(self) -> int:
        """How many stand open, as the kernel has it."""
        return sum(_is_open(client) for thread in self._threads for client in thread.clients)

    def start(self, least: int) -> None:
        """Open all of them; raises `LoadError` when there are never so many."""
        for thread in self._threads:
            thread.start()
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while self.held() < least:
            if time.monotonic() > give_up:
                raise LoadError(f"the figure is void: {self.held()} slow clients are held, not {least}")
            time.sleep(_TICK_SECONDS)

    def end(self) -> None:
        """Close all of them."""
        self._ended.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    @contextmanager
    def sampled(self) -> Iterator[list[int]]:
        """How many are held, again and again while the block runs."""
        samples, over = [self.held()], threading.Event()

        def sample() -> None:
            while not over.wait(_SAMPLE_SECONDS):
                samples.append(self.held())

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield samples
        finally:
            over.set()
            thread.join()


class _Holder(threading.Thread):
    """Holds a few of the clients, each from its second on: a handshake that takes long keeps few others from theirs."""

    def __init__(self, url: str, ca: Path, planned: Sequence[tuple[float, Begun]], ended: threading.Event) -> None:
        super().__init__()
        self._port = urlsplit(url).port or 0
        self._context = ssl.create_default_context(cafile=str(ca))
        self._planned = planned
        self._ended = ended
        self.clients: list[socket.socket | None] = [None] * len(planned)

    def run(self) -> None:
        begun = dripped = time.monotonic()
        try:
            while not self._ended.is_set():
                for place, (due, kind) in enumerate(self._planned):
                    if time.monotonic() >= begun + due:
                        self._hold(place, kind)
                if time.monotonic() >= dripped + _DRIP_SECONDS:
                    dripped = time.monotonic()
                    self._drip()
                self._await_end()
        finally:
            for client in filter(None, self.clients):
                client.close()

    def _hold(self, place: int, kind: Begun) -> None:
        client = self.clients[place]
        if _is_open(client):
            return
        if client is not None:
            client.close()
        self.clients[place] = None
        with suppress(OSError):  # the server is busy: the next turn tries again
            self.clients[place] = self._begin(kind)

    def _begin(self, kind: Begun) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self._port), timeout=_CONNECT_SECONDS)
        if kind.value is None:
            return client
        try:
            secured = self._context.wrap_socket(client, server_hostname="127.0.0.1")
        except OSError:
            client.close()
            raise
        secured.sendall(kind.value)
        return secured

    def _drip(self) -> None:
        for client, (_, kind) in zip(self.clients, self._planned, strict=True):
            if client is not None and kind is not Begun.HANDSHAKE:
                with suppress(OSError):  # closed meanwhile
                    client.send(b"x")

    def _await_end(self) -> None:
        poller = select.poll()
        for client in filter(None, self.clients):
            poller.register(client, _ENDS)
        poller.poll(_TICK_SECONDS * 1000)


def _is_open(client: socket.socket | None) -> bool:
    """Whether neither side has closed it."""
    descriptor = -1 if client is None else client.fileno()
    if descriptor < 0:
        return False
    poller = select.poll()
    poller.register(descriptor, _ENDS)
    return not poller.poll(0)


@contextmanager
def slow_clients(url: str, ca: Path, count: int, *, least: int) -> Iterator[SlowClients]:
    """So many slow clients of a server; at least `least` are held when the block begins."""
    clients = SlowClients(url, ca, count)
    try:
        clients.start(least)
        yield clients
    finally:
        clients.end()
