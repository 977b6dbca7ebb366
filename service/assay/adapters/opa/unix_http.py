"""HTTP over a unix socket, with a limit on what an answer may cost: for queries, and for `requests`.

The standard library limits the time between two bytes, not the time until an answer is complete, and reads answers of
any size; so does `requests`.
"""

import http.client
import io
import socket
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from assay.transport.deadline_reader import DeadlineReader

LARGEST_ANSWER = 64 * 1024 * 1024
_SECONDS = 5.0


class _BoundedResponse(http.client.HTTPResponse):
    """An answer that has to be complete within the read timeout, however it trickles."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        seconds = sock.gettimeout() or _SECONDS
        self.fp = io.BufferedReader(DeadlineReader(self.fp.detach(), sock, seconds=seconds, most=LARGEST_ANSWER))


class Channel:
    """A kept connection to a unix socket that takes one POST of JSON after another.

    What a general client does for every request beside that (cookies, redirects, proxies, hooks) costs more than the
    engine's answer. Not for two threads at once. After an error it must be closed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def post(self, target: str, body: bytes, *, seconds: float) -> tuple[int, bytes]:
        """Status and body of the answer, complete within `seconds`.

        Raises `ConnectionError` when the connection turned out to be dead before any answer, and `OSError` or
        `http.client.HTTPException` for all else.
        """
        if self._socket is None:
            self._socket = _connect(self._path, seconds)
        self._socket.settimeout(seconds)
        head = (
            f"POST {target} HTTP/1.1\r\nHost: opa\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        self._socket.sendall(head.encode("ascii") + b"\r\n" + body)
        with _BoundedResponse(self._socket, method="POST") as response:
            response.begin()
            try:
                answer = response.status, response.read()
            except ConnectionError as error:
                raise http.client.IncompleteRead(b"") from error
            if response.will_close:
                self.close()
        return answer

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _connect(path: Path, seconds: float | None) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(str(path))
    except BaseException:  # whatever it is: nobody else has the socket
        connection.close()
        raise
    return connection


class _UnixConnection(HTTPConnection):
    """An HTTP connection over a unix socket."""

    response_class = _BoundedResponse

    def __init__(self, path: Path, *, timeout: Any) -> None:  # noqa: ANN401  # urllib3's sentinel has no public type
        super().__init__("opa", timeout=timeout)
        self._path = path

    def _new_conn(self) -> socket.socket:
        return _connect(self._path, self.timeout)


class _UnixPool(HTTPConnectionPool):
    """One connection, kept alive between calls."""

    def __init__(self, path: Path) -> None:
        super().__init__("opa", maxsize=1)
        self._path = path

    def _new_conn(self) -> _UnixConnection:
        return _UnixConnection(self._path, timeout=self.timeout.connect_timeout)


class UnixAdapter(HTTPAdapter):
    """Sends every request of a session to one unix socket."""

    def __init__(self, path: Path) -> None:
        self._pool = _UnixPool(path)
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,  # noqa: ARG002  # the signature is that of requests
        verify: object,  # noqa: ARG002
        proxies: object = None,  # noqa: ARG002
        cert: object = None,  # noqa: ARG002
    ) -> _UnixPool:
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()
