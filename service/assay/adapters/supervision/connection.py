"""One client's connection, read without ever waiting for the client."""

import socket
import ssl
from enum import Enum
from typing import Any

from gunicorn.http.body import LengthReader
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import Unreader

from assay.adapters.supervision.whole_request import Head, HeadBook, WholeRequest

_CHUNK = 64 * 1024
_MOST_READS = 4
_LONGEST_HEAD = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Stage(Enum):
    """What a connection waits for, and with it how long it may."""

    HANDSHAKE = "the handshake"
    IDLE = "the first byte of a request"
    RECEIVING = "the rest of a request"
    ANSWERING = "our answer"
    LINGERING = "the client to close"


class LengthRequired(Exception):
    """A request whose body has no length (RFC 9112, section 6.3 lets a server ask for one)."""


class _Arrived(Unreader):  # type: ignore[misc]  # the library is untyped
    """What has arrived of a request; where it ends, the parser sees the end of the connection."""

    def chunk(self, size_hint: int | None = None) -> bytes:
        del size_hint
        return b""


class Connection:
    """A connection and what has arrived on it.

    gunicorn's own parser judges every head; only where a head ends is found here. A body is complete before its
    request is given away, but for one above `most_octets`, which the application refuses by its length.
    """

    def __init__(
        self,
        sock: socket.socket,
        client: object,
        server: object,
        *,
        cfg: object,
        most_octets: int,
        heads: HeadBook,
    ) -> None:
        self.sock = sock
        self.client = client
        self.server = server
        self.stage: Stage | None = None
        self.since = 0.0
        self.deadline = 0.0
        self.answered = False
        self.polled = False
        self._most_octets = most_octets
        self._arrived = _Arrived()
        self._parser = RequestParser(cfg, (), client)
        self._parser.unreader = self._arrived
        self._received = bytearray()
        self._searched = 0
        self._heads = heads
        self._head: Head | None = None
        self._head_octets = b""
        self._request: Any = None
        self._given_octets = 0

    @property
    def has_begun(self) -> bool:
        """Whether a part of the next request is here."""
        return bool(self._received) or self._head is not None

    @property
    def held_octets(self) -> int:
        """Bytes kept for requests that are not answered."""
        return len(self._received) + self._given_octets

    @property
    def may_end(self) -> bool:
        """Whether nobody is at work for it."""
        return self.polled and self.stage is not Stage.ANSWERING

    def let_go(self) -> None:
        """Note that the request that was given away is answered."""
        self.answered = True
        self._given_octets = 0

    @property
    def has_more(self) -> bool:
        """Whether `receive` has something to say that no poll would show."""
        if self._received:
            return True
        return isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0

    def receive(self) -> WholeRequest | None:
        """Take what has arrived; the request, once it is complete.

        Raises `EOFError` when the client has gone, `OSError` when the connection broke, `LengthRequired`, and the
        parser's own exceptions for a head that is none.
        """
        request = self._next_request()
        for _ in range(_MOST_READS):
            if request is not None:
                break
            try:
                octets = self.sock.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            if not octets:
                raise EOFError
            self._received += octets
            request = self._next_request()
        return request

    def _next_request(self) -> WholeRequest | None:
        head = self._head or self._read_head()
        awaited = head.octets if head is not None and head.octets <= self._most_octets else 0
        if head is None or len(self._received) < awaited:
            return None
        body = self._take(awaited)
        self._given_octets = len(body)
        request, octets = self._request, self._head_octets
        self._head = self._request = None
        if request is None:
            return WholeRequest(head=head, body=body, parse=lambda: self._with_body(self._parse(octets), body))
        return WholeRequest(head=head, body=body, parse=lambda: self._with_body(request, body))

    def _read_head(self) -> Head | None:
        end = self._received.find(_END_OF_HEAD, max(self._searched - len(_END_OF_HEAD), 0))
        self._searched = len(self._received)
        if end < 0:
            if self._searched > _LONGEST_HEAD:
                raise LimitRequestHeaders("the head of the request is too long")
            return None
        self._searched = 0
        octets = self._take(end + len(_END_OF_HEAD))
        self._head = self._heads.find(self.client, octets) or self._judge_head(octets)
        self._head_octets = octets
        return self._head

    def _judge_head(self, octets: bytes) -> Head:
        self._request = self._parse(octets)
        reader = self._request.body.reader
        if not isinstance(reader, LengthReader):
            raise LengthRequired
        if reader.length > self._most_octets:
            self._request.force_close()
        elif not self._asks_for_body(reader.length):
            self._heads.keep(self.client, octets, Head.of(self._request, reader.length))
        return Head.of(self._request, reader.length)

    def _parse(self, head: bytes) -> Any:  # noqa: ANN401  # the library is untyped
        # What the application left of the last body must not be taken for the next head.
        self._arrived.take_buffered()
        self._parser.mesg = None
        self._arrived.unread(head)
        return next(self._parser)

    def _with_body(self, request: Any, body: bytes) -> Any:  # noqa: ANN401  # the library is untyped
        self._arrived.buf.seek(0, 2)
        self._arrived.buf.write(body)
        return request

    def _asks_for_body(self, octets: int) -> bool:
        """Whether the client waits to be asked for the body; it is."""
        # RFC 9110, section 10.1.1. gunicorn would ask when it calls the application, which waits for the body here.
        expected = bool(self._request._expected_100_continue)  # noqa: SLF001
        if expected and len(self._received) < octets:
            self.sock.send(_CONTINUE)
        self._request._expected_100_continue = False  # noqa: SLF001  # the parser has no other way to be told
        return expected

    def _take(self, octets: int) -> bytes:
        taken = bytes(self._received[:octets])
        del self._received[:octets]
        return taken
