"""Reading from a socket until a moment.

`requests` and the standard library limit the time between two bytes, not the time until an answer is complete.
"""

import io
import socket
import time


class DeadlineReader(io.RawIOBase):
    """Reads a socket for `seconds` at the most.

    It never waits longer than `idle` seconds for the next byte, and reads no more than `most` bytes by much: None means
    no such limit. Raises `TimeoutError` and, for more bytes, `OSError`.
    """

    def __init__(
        self,
        raw: io.RawIOBase,
        connected: socket.socket,
        *,
        seconds: float,
        idle: float | None = None,
        most: int | None = None,
    ) -> None:
        super().__init__()
        self._raw = raw
        self._socket = connected
        self._until = time.monotonic() + seconds
        self._idle = idle
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:  # type: ignore[override]  # any buffer, there
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the answer took too long")
        if self._left is not None and self._left <= 0:
            raise OSError("the answer is too large")
        self._socket.settimeout(seconds if self._idle is None else min(seconds, self._idle))
        received = self._raw.readinto(buffer)
        if self._left is not None:
            self._left -= received or 0
        return received

    def close(self) -> None:
        self._raw.close()
        super().close()
