"""An answer that goes out in one piece."""

from typing import Any

from gunicorn.http.wsgi import Response

_MOST_OCTETS = 64 * 1024


class _Gatherer:
    """What a response writes to in place of its connection; more than `_MOST_OCTETS` are not held back."""

    def __init__(self, sock: Any) -> None:  # noqa: ANN401  # a socket, or TLS over one
        self._sock = sock
        self._held = bytearray()
        self.has_begun = False

    def sendall(self, octets: bytes) -> None:
        """Hold octets back for a while."""
        self._held += octets
        if len(self._held) > _MOST_OCTETS:
            self.flush()

    def flush(self) -> None:
        """Send what is held back."""
        if self._held:
            self.has_begun = True
            self._sock.sendall(self._held)
            self._held = bytearray()


class GatheredResponse(Response):  # type: ignore[misc]  # the library is untyped
    """gunicorn's response, with head and body in one record of TLS and one packet where they are small."""

    def __init__(self, req: object, sock: Any, cfg: object) -> None:  # noqa: ANN401  # a socket, or TLS over one
        super().__init__(req, _Gatherer(sock), cfg)

    @property
    def has_begun(self) -> bool:
        """Whether the client has a part of it."""
        return bool(self.sock.has_begun)

    def close(self) -> None:
        """Send what is left."""
        super().close()
        self.sock.flush()
