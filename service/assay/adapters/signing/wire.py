"""What a signer process and its clients say to each other: one question and one answer to a connection.

Either side sends one JSON object and closes its half; bytes travel as base64. Whatever was cut off is no JSON.
"""

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.formats.base64text import encode_base64
from assay.formats.member import Members
from assay.formats.strict_json import parse_json

LARGEST_MESSAGE = 16 * 1024 * 1024
_LARGEST = LARGEST_MESSAGE // 3 * 4 + 4096
_LARGEST_ANSWER = 64 * 1024
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Sign this; without a message: only tell the public key."""

    message: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The public key (SubjectPublicKeyInfo) and, when a message was asked for, its signature."""

    public_key: bytes
    signature: bytes


def render_question(question: Question) -> bytes:
    """The JSON of a question; `InvalidInput(message_too_large)`."""
    if question.message is None:
        return _render({"kind": "public key"})
    if len(question.message) > LARGEST_MESSAGE:
        raise InvalidInput(
            "message_too_large",
            f"a message of {len(question.message)} bytes is more than a signer takes ({LARGEST_MESSAGE})",
            remedy="sign a smaller statement",
        )
    return _render({"kind": "sign", "message": encode_base64(question.message)})


def parse_question(octets: bytes) -> Question:
    """Read a question; `InvalidInput(question_malformed)`."""
    try:
        members = Members(_parse(octets, _LARGEST), place="question", code="question_malformed")
        kind = members.text("kind")
        message = members.octets("message") if kind == "sign" else None
        members.finish()
    except InvalidInput as error:
        raise _malformed(error.message) from error
    if kind not in {"sign", "public key"}:
        raise _malformed("its kind is unknown")
    return Question(message=message)


def render_answer(answer: Answer) -> bytes:
    """The JSON of an answer."""
    public_key, signature = encode_base64(answer.public_key), encode_base64(answer.signature)
    return _render({"kind": "answer", "public_key": public_key, "signature": signature})


def render_refusal(error: AssayError) -> bytes:
    """The JSON of an answer that is none."""
    return _render(
        {
            "kind": "refused",
            "code": error.code,
            "message": error.message,
            "remedy": error.remedy,
            "retryable": error.retryable,
        }
    )


def parse_answer(octets: bytes) -> Answer:
    """Read an answer; raises the refusal in it, and `Unavailable(signer_unavailable)` for what is no answer."""
    try:
        members = Members(_parse(octets, _LARGEST_ANSWER), place="answer", code="signer_unavailable")
        kind = members.text("kind")
        if kind == "refused":
            refusal = _read_refusal(members)
        else:
            answer = Answer(public_key=members.octets("public_key"), signature=members.octets("signature"))
        members.finish()
    except InvalidInput as error:
        raise unavailable("its answer is not understood") from error
    if kind == "refused":
        raise refusal
    return answer


def receive_all(connection: socket.socket, *, largest: int, left: Callable[[], float]) -> bytes:
    """Everything until the peer closes its half, at most one byte more than `largest`.

    `left` says how many seconds there are, and raises when there are none. A peer that closed without reading all of
    ours is no error: what it said before counts. Raises `OSError`.
    """
    received = bytearray()
    while len(received) <= largest:
        connection.settimeout(left())
        try:
            piece = connection.recv(_CHUNK)
        except ConnectionResetError:
            break
        if not piece:
            break
        received += piece
    return bytes(received)


def receive_question(connection: socket.socket, *, left: Callable[[], float]) -> bytes:
    """The bytes of a question; too many of them are no JSON of a question."""
    return receive_all(connection, largest=_LARGEST, left=left)


def receive_answer(connection: socket.socket, *, left: Callable[[], float]) -> bytes:
    """The bytes of an answer."""
    return receive_all(connection, largest=_LARGEST_ANSWER, left=left)


def send_all(connection: socket.socket, octets: bytes, *, left: Callable[[], float]) -> None:
    """Send everything within the time that is left and close this half; raises `OSError`."""
    connection.settimeout(left())
    connection.sendall(octets)
    connection.shutdown(socket.SHUT_WR)


def unavailable(why: str) -> Unavailable:
    """The error for a signer process that gave no answer."""
    return Unavailable(
        "signer_unavailable", f"the signer gave no answer: {why}", remedy="check that it runs and may be reached"
    )


def _read_refusal(members: Members) -> AssayError:
    code, message = members.text("code"), members.text("message", longest=8192)
    remedy, retryable = members.text("remedy", longest=8192), members.flag("retryable")
    return Unavailable(code, message, remedy=remedy) if retryable else InvalidInput(code, message, remedy=remedy)


def _parse(octets: bytes, largest: int) -> object:
    return parse_json(octets, what="the JSON", largest=largest, depth=2)


def _render(members: Mapping[str, object]) -> bytes:
    return json.dumps(members).encode("ascii")


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(
        "question_malformed", f"the signer did not understand: {why[:300]}", remedy="use programs of one release"
    )
