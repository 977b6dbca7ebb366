"""Canonical JSON (RFC 8785) read back by shape.

The readers here only narrow types. That nothing unknown, duplicated or differently spelled was in a document is shown
by rendering what was read again and comparing the bytes: a document has one canonical form.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import rfc8785

T = TypeVar("T")

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_LARGEST_INTEGER = 2**53 - 1
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


class ShapeError(ValueError):
    """A document does not have the shape that was asked for; callers turn it into their own typed error."""


def render_canonical(document: object) -> bytes:
    """The canonical form; `ValueError` for what JSON cannot say (lone surrogates, integers beyond 2^53).

    Documents without fractions whose keys are ASCII, which is nearly all of them, are spelled by the encoder of the
    standard library, three to four times as fast as by the library that knows the rest.
    """
    try:
        if _is_plain(document):
            return _ENCODER.encode(document).encode()
        return rfc8785.dumps(cast("Any", document))
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise ValueError(f"it has no canonical JSON form: {error}") from error


def parse_object(octets: bytes) -> Mapping[str, object]:
    """The members of one JSON object; `ShapeError` for everything else."""
    try:
        document: object = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise ShapeError("it is not JSON") from error
    return as_object(document)


def as_object(value: object) -> Mapping[str, object]:
    """Narrow to an object."""
    if not isinstance(value, dict):
        raise ShapeError("an object is missing")
    return value


def text(members: Mapping[str, object], name: str) -> str:
    """Narrow a member to a string."""
    value = members.get(name)
    if not isinstance(value, str):
        raise ShapeError(f"{name} is not a string")
    return value


def integer(members: Mapping[str, object], name: str) -> int:
    """Narrow a member to an integer."""
    value = members.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ShapeError(f"{name} is not an integer")
    return value


def flag(members: Mapping[str, object], name: str) -> bool:
    """Narrow a member to true or false."""
    value = members.get(name)
    if not isinstance(value, bool):
        raise ShapeError(f"{name} is not true or false")
    return value


def items(members: Mapping[str, object], name: str, read: Callable[[object], T]) -> tuple[T, ...]:
    """Read every item of an array member."""
    value = members.get(name)
    if not isinstance(value, list):
        raise ShapeError(f"{name} is not an array")
    return tuple(read(item) for item in value)


def as_text(value: object) -> str:
    """Narrow an item to a string."""
    if not isinstance(value, str):
        raise ShapeError("an item is not a string")
    return value


def render_time(time: datetime) -> str:
    """RFC 3339 in UTC with milliseconds; what is finer is cut off."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_time(value: str) -> datetime:
    """The time that `render_time` wrote; `ShapeError` for another spelling."""
    if not _TIME.fullmatch(value):
        raise ShapeError("a time is not UTC with milliseconds")
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise ShapeError("a time is not RFC 3339") from error


def _is_plain(document: object) -> bool:
    """Whether sorting by code point and spelling by Python are what RFC 8785, sections 3.2.2 and 3.2.3, ask for.

    Asked of every document that is recorded, it looks at exact types: only what parsers and our own code make is plain.
    A member of an enumeration of texts is a text to both.
    """
    pending = [document]
    for value in pending:  # which grows meanwhile
        kind = type(value)
        if kind is dict:
            if not _has_plain_keys(cast("dict[str, object]", value)):
                return False
            pending += [member for member in cast("dict[str, object]", value).values() if type(member) is not str]
        elif kind is list or kind is tuple:
            pending += [item for item in cast("list[object]", value) if type(item) is not str]
        elif not (value is None or kind is bool or isinstance(value, str) or _is_exact(value)):
            return False
    return True


def _is_exact(value: object) -> bool:
    return type(value) is int and -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER


def _has_plain_keys(members: dict[str, object]) -> bool:
    try:
        return "".join(members).isascii()
    except TypeError:  # a key that is no text
        return False
