"""One worker's connection: it asks for one thing, gets its answer, and asks for the next."""

import socket

from assay.adapters.log.wire import LENGTH, PIECE, Answer, read_length, render_answer, render_frame
from assay.domain.errors import InvalidInput, Unavailable


class Peer:
    """A connection that is never waited for; it is of no more use once `receive` or `send` raised `OSError`.

    `held` is how many bytes an unfinished frame has, or is going to have, in memory.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.held = 0
        self._received = bytearray()
        self._count = 0
        self._dropped = False

    def receive(self, room: int) -> bytes | None:
        """The frame when it is whole, None while more must come.

        One that is longer than `room` is read to its end and dropped, then raises `Unavailable(log_overloaded)`.
        Raises `EOFError` when the worker ended between two frames.
        """
        piece = self.connection.recv(PIECE)
        if not piece:
            raise ConnectionResetError("it closed in the middle of a frame") if self._count else EOFError
        if not self._count and len(piece) >= LENGTH.size and len(piece) == LENGTH.size + _read_length(piece):
            return piece[LENGTH.size :]
        self._received += piece
        self._count += len(piece)
        if self._count < LENGTH.size:
            return None
        whole = LENGTH.size + _read_length(self._received)
        if self._count > whole:
            raise ConnectionAbortedError("it asked again before it was answered")
        self._hold(whole, room)
        return self._finish() if self._count == whole else None

    def send(self, answer: Answer) -> None:
        """Send an answer; a worker that waits for it has room for all of it."""
        frame = render_frame(render_answer(answer))
        if self.connection.send(frame) < len(frame):
            raise ConnectionAbortedError("it does not read its answers")

    def _hold(self, whole: int, room: int) -> None:
        """Decide once whether the frame is kept, and let go of what has come of one that is not."""
        if not (self.held or self._dropped):
            self._dropped = whole > room
            self.held = 0 if self._dropped else whole
        if self._dropped:
            del self._received[LENGTH.size :]

    def _finish(self) -> bytes:
        frame, dropped = bytes(self._received[LENGTH.size :]), self._dropped
        self.held, self._received, self._count, self._dropped = 0, bytearray(), 0, False
        if dropped:
            raise Unavailable(
                "log_overloaded", "too many decisions wait to be recorded", remedy="repeat the call later"
            )
        return frame


def _read_length(head: bytes | bytearray) -> int:
    try:
        return read_length(head)
    except InvalidInput as error:
        raise ConnectionAbortedError(error.message) from error
