"""Reading a closed JSON object member by member: what nobody reads is refused."""

import base64
import binascii
from collections.abc import Iterator

from assay.domain.errors import InvalidInput


class Members:
    """The members of one JSON object of our own interfaces.

    Every member must be read before `finish`, or it is unknown. Raises `InvalidInput` with the given code, naming the
    place (`evidence.path`), everywhere.
    """

    def __init__(self, value: object, *, place: str, code: str) -> None:
        self._place = place
        self._code = code
        if not isinstance(value, dict):
            raise self._refuse("", "an object is expected")
        self._members: dict[str, object] = dict(value)

    def _refuse(self, key: str, why: str) -> InvalidInput:
        place = f"{self._place}.{key}" if key else self._place
        return InvalidInput(self._code, f"{place}: {why}", remedy="see the interface description (openapi.yaml)")

    def _take(self, key: str) -> object:
        if key not in self._members:
            raise self._refuse(key, "the member is missing")
        return self._members.pop(key)

    def text(self, key: str, default: str | None = None, *, longest: int = 1024) -> str:
        """A string of at most `longest` characters; required unless a default is given."""
        value = default if default is not None and key not in self._members else self._take(key)
        if not isinstance(value, str) or len(value) > longest:
            raise self._refuse(key, f"a string of at most {longest} characters is expected")
        return value

    def flag(self, key: str) -> bool:
        """A required boolean."""
        value = self._take(key)
        if not isinstance(value, bool):
            raise self._refuse(key, "true or false is expected")
        return value

    def integer(self, key: str) -> int:
        """A required integer of at least zero."""
        value = self._take(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._refuse(key, "an integer of at least zero is expected")
        return value

    def optional_integer(self, key: str) -> int | None:
        """A required member that is an integer of at least zero, or null."""
        if self._members.get(key, key) is None:
            del self._members[key]
            return None
        return self.integer(key)

    def octets(self, key: str) -> bytes:
        """Required bytes in standard base64 with padding."""
        return self._decode(key, self._take(key))

    def octets_list(self, key: str) -> tuple[bytes, ...]:
        """A required list of bytes in base64."""
        return tuple(self._decode(key, value) for value in self._list(key))

    def texts(self, key: str) -> tuple[str, ...]:
        """A required list of strings."""
        values = self._list(key)
        if not all(isinstance(value, str) for value in values):
            raise self._refuse(key, "a list of strings is expected")
        return tuple(str(value) for value in values)

    def names(self) -> tuple[str, ...]:
        """The names of all members that nobody has read yet."""
        return tuple(self._members)

    def paths(self, key: str) -> tuple[tuple[str | int, ...], ...]:
        """A required list of paths into a document: member names and indexes."""
        return tuple(tuple(self._step(key, step) for step in self._path(key, path)) for path in self._list(key))

    def _path(self, key: str, path: object) -> list[object]:
        if not isinstance(path, list):
            raise self._refuse(key, "a list of paths is expected")
        return path

    def _step(self, key: str, step: object) -> str | int:
        if isinstance(step, bool) or not isinstance(step, str | int):
            raise self._refuse(key, "a path has names and indexes only")
        return step

    def section(self, key: str) -> "Members":
        """A required object below this one."""
        return Members(self._take(key), place=f"{self._place}.{key}", code=self._code)

    def sections(self, key: str) -> Iterator["Members"]:
        """The objects of a required list."""
        for number, value in enumerate(self._list(key)):
            yield Members(value, place=f"{self._place}.{key}[{number}]", code=self._code)

    def _list(self, key: str) -> list[object]:
        value = self._take(key)
        if not isinstance(value, list):
            raise self._refuse(key, "a list is expected")
        return value

    def _decode(self, key: str, value: object) -> bytes:
        if not isinstance(value, str):
            raise self._refuse(key, "base64 text is expected")
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._refuse(key, "base64 text is expected") from error

    def finish(self) -> None:
        """Refuse every member that was not read."""
        if self._members:
            raise self._refuse(min(self._members)[:80], "unknown member")
