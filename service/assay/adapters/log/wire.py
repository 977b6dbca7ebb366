"""What workers and sequencer say to each other: frames of fields over a unix socket.

A frame is a length of four bytes, big-endian, and that many bytes: a letter for what it is, a head of fixed size, and
the fields whose lengths the head names, without anything between or behind them. Documents travel compressed. Both ends
are of one release and one user; the frames are read strictly all the same.
"""

import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from assay.domain.errors import InvalidInput

T = TypeVar("T")

LARGEST_FRAME = 64 * 1024 * 1024
LENGTH = struct.Struct(">I")
PIECE = 64 * 1024
"""How much is read at once."""
_RECORD = struct.Struct(">cqBIIIII")
_PING = struct.Struct(">cq")
_RECORDED = struct.Struct(">cQIII")
_PONG = struct.Struct(">cQ")
_REFUSED = struct.Struct(">cBIII")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRequest:
    """Record this; `budget` are the milliseconds the worker will wait. `document` and `report` are zlib streams.

    `proven` asks for the proof, which costs more than the rest of the answer.
    """

    budget: int
    proven: bool
    leaf: bytes = field(repr=False)
    document: bytes = field(repr=False)
    report: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    preimage: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PingRequest:
    """Say whether the log can be written, within `budget` milliseconds."""

    budget: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAnswer:
    """The decision is on disk; `leaf` is empty when it is the one that was sent, `proof` when nobody asked for it."""

    id: str
    index: int
    leaf: bytes = field(repr=False)
    proof: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PingAnswer:
    """The log was written to just now and has `size` leaves."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Nothing was recorded; `retryable` says which family of errors this is."""

    code: str
    message: str
    remedy: str
    retryable: bool


Request = RecordRequest | PingRequest
Answer = RecordAnswer | PingAnswer | Refusal


def render_request(request: Request) -> bytes:
    """The bytes of a request."""
    match request:
        case RecordRequest():
            fields = (request.leaf, request.document, request.report, request.salt, request.preimage)
            return _render(_RECORD, b"r", (request.budget, request.proven), fields)
        case PingRequest():
            return _PING.pack(b"p", request.budget)


def parse_request(octets: bytes) -> Request:
    """Read a request; raises `InvalidInput(frame_malformed)`."""
    readers: Mapping[bytes, Callable[[bytes], Request]] = {b"r": _read_record, b"p": _read_ping}
    return _parse(octets, readers)


def render_answer(answer: Answer) -> bytes:
    """The bytes of an answer."""
    match answer:
        case RecordAnswer():
            fields = (answer.id.encode(), answer.leaf, answer.proof.encode())
            return _render(_RECORDED, b"R", (answer.index,), fields)
        case PingAnswer():
            return _PONG.pack(b"P", answer.size)
        case Refusal():
            texts = [text.encode() for text in (answer.code, answer.message, answer.remedy)]
            return _render(_REFUSED, b"X", (answer.retryable,), texts)


def parse_answer(octets: bytes) -> Answer:
    """Read an answer; raises `InvalidInput(frame_malformed)`."""
    readers: Mapping[bytes, Callable[[bytes], Answer]] = {b"R": _read_recorded, b"P": _read_pong, b"X": _read_refused}
    return _parse(octets, readers)


def render_frame(octets: bytes) -> bytes:
    """The frame of a request or an answer; raises `InvalidInput(frame_too_large)`."""
    if len(octets) > LARGEST_FRAME:
        raise frame_too_large(len(octets))
    return LENGTH.pack(len(octets)) + octets


def receive_frame(connection: socket.socket, left: Callable[[], float]) -> bytes | None:
    """Receive one frame; None when the peer closed before the first byte of it.

    `left` says how many seconds there are for all that is still to come, and raises when there are none. Raises
    `OSError`, and `InvalidInput(frame_too_large)`.
    """
    first = connection.recv(PIECE)
    if not first:
        return None
    received = bytearray(first)
    while (frame := take_frame(received)) is None:
        connection.settimeout(left())
        piece = connection.recv(PIECE)
        if not piece:
            raise ConnectionResetError("the peer closed in the middle of a frame")
        received += piece
    if received:
        raise ConnectionResetError("the peer said more than one frame")
    return frame


def take_frame(received: bytearray) -> bytes | None:
    """Take the first frame out of what was received, None while it is not whole; `InvalidInput(frame_too_large)`."""
    if len(received) < LENGTH.size:
        return None
    whole = LENGTH.size + read_length(received)
    if len(received) < whole:
        return None
    frame = bytes(received[LENGTH.size : whole])
    del received[:whole]
    return frame


def read_length(head: bytes | bytearray) -> int:
    """How long the frame is that begins so; raises `InvalidInput(frame_too_large)`."""
    length: int = LENGTH.unpack_from(head)[0]
    if length > LARGEST_FRAME:
        raise frame_too_large(length)
    return length


def frame_too_large(length: int) -> InvalidInput:
    """The error of a frame that nobody takes."""
    return InvalidInput(
        "frame_too_large",
        f"a decision of {length} bytes is more than the log takes ({LARGEST_FRAME})",
        remedy="judge fewer images in one call, or smaller evidence",
    )


def _render(head: struct.Struct, kind: bytes, numbers: Sequence[int], fields: Sequence[bytes]) -> bytes:
    return b"".join((head.pack(kind, *numbers, *map(len, fields)), *fields))


def _parse(octets: bytes, readers: Mapping[bytes, Callable[[bytes], T]]) -> T:
    try:
        return readers[octets[:1]](octets)
    except (KeyError, struct.error, ValueError) as error:
        raise InvalidInput(
            "frame_malformed",
            f"the decision log did not understand: {str(error)[:300]}",
            remedy="run workers and sequencer of one release",
        ) from error


def _read_record(octets: bytes) -> RecordRequest:
    _, budget, proven, *lengths = _RECORD.unpack_from(octets)
    leaf, document, report, salt, preimage = _split(octets, _RECORD.size, lengths)
    return RecordRequest(
        budget=budget,
        proven=_flag(proven),
        leaf=leaf,
        document=document,
        report=report,
        salt=salt,
        preimage=preimage,
    )


def _read_ping(octets: bytes) -> PingRequest:
    return PingRequest(budget=_PING.unpack(octets)[1])


def _read_recorded(octets: bytes) -> RecordAnswer:
    _, index, *lengths = _RECORDED.unpack_from(octets)
    name, leaf, proof = _split(octets, _RECORDED.size, lengths)
    return RecordAnswer(id=name.decode(), index=index, leaf=leaf, proof=proof.decode())


def _read_pong(octets: bytes) -> PingAnswer:
    return PingAnswer(size=_PONG.unpack(octets)[1])


def _read_refused(octets: bytes) -> Refusal:
    _, retryable, *lengths = _REFUSED.unpack_from(octets)
    code, message, remedy = (text.decode() for text in _split(octets, _REFUSED.size, lengths))
    return Refusal(code=code, message=message, remedy=remedy, retryable=_flag(retryable))


def _split(octets: bytes, start: int, lengths: Sequence[int]) -> list[bytes]:
    if start + sum(lengths) != len(octets):
        raise ValueError("its fields are not as long as it says")
    fields = []
    for length in lengths:
        fields.append(octets[start : start + length])
        start += length
    return fields


def _flag(value: int) -> bool:
    if value not in {0, 1}:
        raise ValueError("a flag is neither 0 nor 1")
    return value == 1
