"""One worker's connection: what it asks is answered in the order it was asked."""

import socket
from collections.abc import Iterator, Sequence

from assay.adapters.log.wire import LENGTH, PIECE, Answer, read_length, render_answer, render_frame, take_frame
from assay.domain.errors import InvalidInput


class Peer:
    """A connection that is never waited for; it is of no more use once `receive` or `send` raised `OSError`.

    `held` is how many bytes an unfinished frame has, or is going to have, in memory.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.held = 0
        self._received = bytearray()
        self._to_drop = 0

    @property
    def is_between(self) -> bool:
        """Whether every frame that has begun has ended."""
        return not (self._received or self._to_drop)

    def receive(self, room: int) -> list[bytes | None]:
        """The frames that are whole now; None in the place of one that was longer than `room`.

        Such a one is read to its end and dropped. Raises `EOFError` when the worker ended between two frames.
        """
        piece = self.connection.recv(PIECE)
        if not piece:
            raise EOFError if self.is_between else ConnectionResetError("it closed in the middle of a frame")
        self._received += piece
        return list(self._frames(room))

    def send(self, answers: Sequence[Answer]) -> None:
        """Send answers; a worker that waits for them has room for all of them."""
        octets = b"".join(render_frame(render_answer(answer)) for answer in answers)
        if self.connection.send(octets) < len(octets):
            raise ConnectionAbortedError("it does not read its answers")

    def _frames(self, room: int) -> Iterator[bytes | None]:
        while True:
            if self._to_drop:
                dropped = min(self._to_drop, len(self._received))
                del self._received[:dropped]
                self._to_drop -= dropped
                if self._to_drop:
                    return
                yield None
            try:
                frame = take_frame(self._received)
            except InvalidInput as error:
                raise ConnectionAbortedError(error.message) from error
            if frame is not None:
                self.held = 0
                yield frame
            elif len(self._received) < LENGTH.size or self._has_room(room):
                return

    def _has_room(self, room: int) -> bool:
        """Whether the frame that has begun may stay; what has come of one that may not is dropped."""
        whole = LENGTH.size + read_length(self._received)
        if self.held or whole <= room:
            self.held = whole
            return True
        self._to_drop = whole
        return False
