"""The client's side of a signer process."""

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from assay.adapters.signing.wire import (
    Answer,
    Question,
    parse_answer,
    receive_answer,
    render_question,
    send_all,
    unavailable,
)
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput
from assay.domain.identity import PublicKey
from assay.formats.pem import encode_pem
from assay.formats.public_key import parse_public_key

_SECONDS = 60.0


class SocketSigner:
    """Signs through the signer process behind a unix socket; each call has `seconds` in all.

    A signer that changes its key between two calls is refused: a signer is one key.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float], seconds: float = _SECONDS) -> None:
        self._path = path
        self._clock = clock
        self._seconds = seconds
        self._key: PublicKey | None = None

    def public_key(self) -> PublicKey:
        """The public half; asked for once."""
        if self._key is None:
            self._key = self._read_key(self._ask(Question(message=None)))
        return self._key

    def sign(self, message: bytes) -> bytes:
        """The signature over the complete message, which the signer reads before it signs."""
        key, answer = self.public_key(), self._ask(Question(message=message))
        if self._read_key(answer) != key:
            raise unavailable("it has another key than before")
        return answer.signature

    def _ask(self, question: Question) -> Answer:
        octets = render_question(question)
        deadline = Deadline.after(self._seconds, self._clock)

        def left() -> float:
            return deadline.remaining("the answer of the signer")

        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                connection.settimeout(left())
                connection.connect(str(self._path))
                with suppress(BrokenPipeError):  # a signer that refuses at once answers before it has read everything
                    send_all(connection, octets, left=left)
                received = receive_answer(connection, left=left)
            except OSError as error:
                raise unavailable(error.strerror or type(error).__name__) from error
        if not received:
            raise unavailable("it closed the connection")
        return parse_answer(received)

    @staticmethod
    def _read_key(answer: Answer) -> PublicKey:
        try:
            return parse_public_key(encode_pem("PUBLIC KEY", answer.public_key))
        except InvalidInput as error:
            raise unavailable("its public key cannot be read") from error
