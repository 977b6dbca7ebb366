"""What workers and sequencer say to each other: frames of JSON over a unix socket.

A frame is a length of four bytes, big-endian, and one JSON object. Bytes travel as base64, documents compressed. Both
ends are of one release and one user; the frames are read strictly all the same.
"""

import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from assay.domain.errors import InvalidInput
from assay.formats.base64text import decode_base64, encode_base64
from assay.formats.strict_json import parse_json
from assay.tlog.canonical import ShapeError, as_object, flag, integer, text

T = TypeVar("T")

LARGEST_FRAME = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRequest:
    """Record this; `budget` are the milliseconds the worker will wait. `document` and `report` are zlib streams."""

    budget: int
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
    """The decision is on disk."""

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
    """The JSON of a request."""
    match request:
        case RecordRequest():
            return _render(
                {
                    "kind": "record",
                    "budget": request.budget,
                    "leaf": encode_base64(request.leaf),
                    "document": encode_base64(request.document),
                    "report": encode_base64(request.report),
                    "salt": encode_base64(request.salt),
                    "preimage": encode_base64(request.preimage),
                }
            )
        case PingRequest():
            return _render({"kind": "ping", "budget": request.budget})


def parse_request(octets: bytes) -> Request:
    """Read a request; raises `InvalidInput(frame_malformed)`."""
    readers: Mapping[str, Callable[[Mapping[str, object]], Request]] = {"record": _read_record, "ping": _read_ping}
    return _parse(octets, readers)


def render_answer(answer: Answer) -> bytes:
    """The JSON of an answer."""
    members: dict[str, object]
    match answer:
        case RecordAnswer():
            leaf = encode_base64(answer.leaf)
            members = {"kind": "recorded", "id": answer.id, "index": answer.index, "leaf": leaf, "proof": answer.proof}
        case PingAnswer():
            members = {"kind": "pong", "size": answer.size}
        case Refusal():
            members = {
                "kind": "refused",
                "code": answer.code,
                "message": answer.message,
                "remedy": answer.remedy,
                "retryable": answer.retryable,
            }
    return _render(members)


def parse_answer(octets: bytes) -> Answer:
    """Read an answer; raises `InvalidInput(frame_malformed)`."""
    readers: Mapping[str, Callable[[Mapping[str, object]], Answer]] = {
        "recorded": _read_recorded,
        "pong": _read_pong,
        "refused": _read_refused,
    }
    return _parse(octets, readers)


def send_frame(connection: socket.socket, octets: bytes) -> None:
    """Send one frame; raises `OSError`, and `InvalidInput(frame_too_large)` before anything was sent."""
    if len(octets) > LARGEST_FRAME:
        raise _too_large(len(octets))
    connection.sendall(_LENGTH.pack(len(octets)) + octets)


def receive_frame(
    connection: socket.socket, *, patience: float | None, left: Callable[[], float] | None = None
) -> bytes | None:
    """Receive one frame; None when the peer closed before the first byte of it.

    The first byte may take as long as the socket's own time-out says, the rest at most `patience` seconds between
    bytes (None: the socket's own time-out). `left` says how many seconds there are for all that is still to come, and
    raises when there are none. Raises `OSError`, and `InvalidInput(frame_too_large)`.
    """
    first = connection.recv(_LENGTH.size)
    if not first:
        return None
    waiting = connection.gettimeout()
    head = bytearray(first.ljust(_LENGTH.size, b"\0"))
    _receive(connection, memoryview(head)[len(first) :], patience, left)
    (length,) = _LENGTH.unpack(head)
    if length > LARGEST_FRAME:
        raise _too_large(length)
    octets = bytearray(length)
    _receive(connection, memoryview(octets), patience, left)
    if connection.gettimeout() != waiting:
        connection.settimeout(waiting)
    return bytes(octets)


def _render(members: Mapping[str, object]) -> bytes:
    return json.dumps(members, ensure_ascii=False).encode()


def _receive(
    connection: socket.socket, view: memoryview, patience: float | None, left: Callable[[], float] | None
) -> None:
    """Fill the view; what has arrived already is taken without setting any time-out."""
    filled = _receive_arrived(connection, view)
    while filled < len(view):
        seconds = patience if left is None else left()
        if seconds is not None:
            connection.settimeout(seconds)
        filled += _require_octets(connection.recv_into(view[filled:]))


def _receive_arrived(connection: socket.socket, view: memoryview) -> int:
    try:
        return _require_octets(connection.recv_into(view, 0, socket.MSG_DONTWAIT)) if view else 0
    except BlockingIOError:
        return 0


def _require_octets(count: int) -> int:
    if count == 0:
        raise ConnectionResetError("the peer closed in the middle of a frame")
    return count


def _parse(octets: bytes, readers: Mapping[str, Callable[[Mapping[str, object]], T]]) -> T:
    try:
        members = as_object(parse_json(octets, what="the frame", largest=LARGEST_FRAME, depth=2))
        read = readers.get(text(members, "kind"), _refuse_kind)
        return read(members)
    except (InvalidInput, ShapeError) as error:
        raise _malformed(str(error)) from error


def _refuse_kind(_members: Mapping[str, object]) -> NoReturn:
    raise ShapeError("its kind is unknown")


def _read_record(members: Mapping[str, object]) -> RecordRequest:
    _require_members(members, "budget", "leaf", "document", "report", "salt", "preimage")
    return RecordRequest(
        budget=integer(members, "budget"),
        leaf=_octets(members, "leaf"),
        document=_octets(members, "document"),
        report=_octets(members, "report"),
        salt=_octets(members, "salt"),
        preimage=_octets(members, "preimage"),
    )


def _read_ping(members: Mapping[str, object]) -> PingRequest:
    _require_members(members, "budget")
    return PingRequest(budget=integer(members, "budget"))


def _read_recorded(members: Mapping[str, object]) -> RecordAnswer:
    _require_members(members, "id", "index", "leaf", "proof")
    return RecordAnswer(
        id=text(members, "id"),
        index=integer(members, "index"),
        leaf=_octets(members, "leaf"),
        proof=text(members, "proof"),
    )


def _read_pong(members: Mapping[str, object]) -> PingAnswer:
    _require_members(members, "size")
    return PingAnswer(size=integer(members, "size"))


def _read_refused(members: Mapping[str, object]) -> Refusal:
    _require_members(members, "code", "message", "remedy", "retryable")
    return Refusal(
        code=text(members, "code"),
        message=text(members, "message"),
        remedy=text(members, "remedy"),
        retryable=flag(members, "retryable"),
    )


def _require_members(members: Mapping[str, object], *names: str) -> None:
    if members.keys() != {"kind", *names}:
        raise ShapeError(f"its members are not {', '.join(names)}")


def _octets(members: Mapping[str, object], name: str) -> bytes:
    return decode_base64(text(members, name), what=name, code="frame_malformed")


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(
        "frame_malformed",
        f"the decision log did not understand: {why[:300]}",
        remedy="run workers and sequencer of one release",
    )


def _too_large(length: int) -> InvalidInput:
    return InvalidInput(
        "frame_too_large",
        f"a decision of {length} bytes is more than the log takes ({LARGEST_FRAME})",
        remedy="judge fewer images in one call, or smaller evidence",
    )
