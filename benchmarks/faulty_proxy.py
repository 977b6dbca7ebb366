"""A proxy before a registry that counts requests and turns slow, silent, unavailable or absent on command."""

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

_CHUNK = 65536
_REQUEST = re.compile(rb"(?:GET|HEAD) /v2/(?:(?P<repository>[^ ?]+)/(?:manifests|blobs|referrers)/)?")
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_POLL = 0.2


class Behaviour(StrEnum):
    """What becomes of a request."""

    HONEST = "honest"
    SLOW = "2 s slow"
    DROPPING = "dropping"
    UNAVAILABLE = "503"
    REFUSING = "refusing"


@dataclass
class Tally:
    """Requests by repository (an empty text: none), and how many of them waited for an answer at the same time."""

    requests: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    _waiting: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, client: socket.socket, octets: bytes) -> None:
        """Count what a client sent; what goes on where something else ended is no request."""
        request = _REQUEST.match(octets)
        if request is None:
            return
        with self._lock:
            self.requests[(request["repository"] or b"").decode()] += 1
            self._waiting.add(client)
            self.most_at_once = max(self.most_at_once, len(self._waiting))

    def answer(self, client: socket.socket) -> None:
        """Note that a client has something of its answer, or leaves."""
        with self._lock:
            self._waiting.discard(client)


class FaultyProxy:
    """Listens on loopback and forwards to one port; only requests without a body are understood."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = _listen(0)
        self.port = int(self._listener.getsockname()[1])
        self._tally = Tally()
        self._behaviour = Behaviour.HONEST
        self._ended = threading.Event()

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"127.0.0.1:{self.port}"

    def count_anew(self) -> Tally:
        """A tally of all requests from now on."""
        self._tally = Tally()
        return self._tally

    def turn(self, behaviour: Behaviour) -> None:
        """Treat every request from now on like this."""
        self._behaviour = behaviour
        if behaviour is Behaviour.REFUSING:
            self._listener.close()
        elif self._listener.fileno() < 0:
            self._listener = _listen(self.port)

    def run(self) -> None:
        """Accept connections until the end."""
        while not self._ended.is_set():
            with suppress(OSError):  # closed while it refuses
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
                continue
            self._ended.wait(_POLL / 10)

    def end(self) -> None:
        """Stop accepting."""
        self._ended.set()
        self._listener.close()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as server:
            for end in (client, server):  # or a head and its body, forwarded one by one, would be 40 ms apart
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
            try:
                self._ask(client, server)
            finally:
                self._tally.answer(client)

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        while octets := client.recv(_CHUNK):
            self._tally.ask(client, octets)
            if self._behaviour in {Behaviour.UNAVAILABLE, Behaviour.REFUSING}:
                client.sendall(_UNAVAILABLE)
                return
            if self._behaviour is Behaviour.SLOW:
                time.sleep(2)
            if self._behaviour is not Behaviour.DROPPING:
                server.sendall(octets)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while octets := server.recv(_CHUNK):
                self._tally.answer(client)
                client.sendall(octets)


@contextmanager
def faulty_proxy(target: int) -> Iterator[FaultyProxy]:
    """A running proxy to a port."""
    proxy = FaultyProxy(target)
    thread = threading.Thread(target=proxy.run, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.end()
        thread.join()


def _listen(port: int) -> socket.socket:
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    listener.settimeout(_POLL)
    return listener
