"""Canonical JSON (RFC 8785) read back by shape.

The readers here only narrow types. That nothing unknown, duplicated or differently spelled was in a document is shown
by rendering what was read again and comparing the bytes: a document has one canonical form.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")


class ShapeError(ValueError):
    """A document does not have the shape that was asked for; callers turn it into their own typed error."""


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
    try:
        time = datetime.fromisoformat(value)
    except ValueError as error:
        raise ShapeError("a time is not RFC 3339") from error
    if time.tzinfo is None or render_time(time) != value:
        raise ShapeError("a time is not UTC with milliseconds")
    return time
