"""Paths to fields of a Kubernetes object: `spec.templates[*].container.image`, `spec.pools.*.image`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from assay.domain.errors import InvalidInput

_STEP = re.compile(r"\.([A-Za-z][A-Za-z0-9_-]*)|(\[\*\])|(\.\*)", re.ASCII)
_LONGEST_PATH = 256


class Wildcard(Enum):
    """Steps that lead to every child: of a list (`[*]`), or of a map whose keys users choose (`.*`)."""

    ITEMS = "[*]"
    VALUES = ".*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value of an object and where it stands.

    `pointer` (RFC 6901) is exact. `words` says the same for messages: a key of a map, which users choose, is a `*`
    there.
    """

    pointer: str
    words: str
    value: object = field(repr=False, hash=False)

    def member(self, name: str, value: object) -> "Place":
        """The place of a field below this one; `name` is a name of an API, never a text of a user."""
        return Place(pointer=f"{self.pointer}/{name}", words=f"{self.words}/{name}", value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPath:
    """A compiled path: names of fields and wildcards; begins with a name."""

    steps: tuple[str | Wildcard, ...]

    def __post_init__(self) -> None:
        if not self.steps or isinstance(self.steps[0], Wildcard):
            raise ValueError("a path begins with the name of a field")

    def __str__(self) -> str:
        """The path as it is written."""
        return "".join(step.value if isinstance(step, Wildcard) else f".{step}" for step in self.steps)[1:]

    @classmethod
    def parse(cls, text: str) -> "FieldPath":
        """Parse a path: names joined by dots, `[*]` for every item of a list, `.*` for every value of a map.

        Raises `InvalidInput(field_path_malformed)`.
        """
        steps: list[str | Wildcard] = []
        dotted, position = f".{text}", 0
        while position < len(dotted) <= _LONGEST_PATH and (step := _STEP.match(dotted, position)):
            steps.append(step[1] or Wildcard(step[0]))
            position = step.end()
        if position != len(dotted) or not steps or isinstance(steps[0], Wildcard):
            raise InvalidInput(
                "field_path_malformed",
                f"{text[:80]!r} is not a path to a field",
                remedy="write names joined by dots, `[*]` for the items of a list and `.*` for the values of a map",
            )
        return cls(steps=tuple(steps))

    def select(self, untrusted_object: object) -> Iterator[Place]:
        """Every place of an object that the path leads to, in document order.

        Absent fields and null lead nowhere. Raises `InvalidInput(object_malformed)` where the object has another shape
        than the path, so that no value of a wrong type hides an image.
        """
        places = [Place(pointer="", words="", value=untrusted_object)]
        for step in self.steps:
            places = [child for place in places for child in _children(place, step) if child.value is not None]
        yield from places


def _children(place: Place, step: str | Wildcard) -> Iterator[Place]:
    value = place.value
    if step is Wildcard.ITEMS:
        if not isinstance(value, list):
            raise _malformed(place, "a list")
        for index, item in enumerate(value):
            yield place.member(str(index), item)
        return
    if not isinstance(value, dict):
        raise _malformed(place, "an object")
    if isinstance(step, str):
        yield place.member(step, value.get(step))
        return
    for key, item in value.items():
        token = str(key).replace("~", "~0").replace("/", "~1")
        yield Place(pointer=f"{place.pointer}/{token}", words=f"{place.words}/*", value=item)


def _malformed(place: Place, expected: str) -> InvalidInput:
    return InvalidInput(
        "object_malformed",
        f"{place.words or 'the object'} is not {expected}",
        remedy="send the object as its API type describes it",
    )
