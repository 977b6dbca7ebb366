"""Reading JSON objects of formats that let others add members: what is read is checked, the rest is left alone."""

from collections.abc import Mapping

from assay.domain.errors import InvalidInput

_REMEDY = "generate the document again and attest it"


class OpenObject:
    """One JSON object of a foreign format.

    Raises `InvalidInput` with the given code, naming the place (`packages[3].name`), when a member has another type
    than its format gives it.
    """

    def __init__(self, value: object, *, place: str, code: str, remedy: str = _REMEDY) -> None:
        self._place = place
        self._code = code
        self._remedy = remedy
        if not isinstance(value, Mapping):
            raise self.refuse("", "an object is expected")
        self._members: Mapping[str, object] = value

    def refuse(self, key: str, why: str) -> InvalidInput:
        """The error for one member."""
        return InvalidInput(self._code, f"{self._at(key)}: {why}", remedy=self._remedy)

    def _at(self, key: str) -> str:
        return f"{self._place}.{key}" if key else self._place

    def has(self, key: str) -> bool:
        """Whether the member is there."""
        return key in self._members

    def value(self, key: str) -> object:
        """The member as it is, None when it is not there: for whoever checks its type."""
        return self._members.get(key)

    def text(self, key: str, default: str | None = None, *, longest: int = 4096, may_be_empty: bool = False) -> str:
        """A string without control characters; required and not empty unless a default is given."""
        value = self._members.get(key, default)
        required = default is None and not may_be_empty
        if not isinstance(value, str) or len(value) > longest or (required and not value):
            raise self.refuse(key, f"a string of at most {longest} characters is expected")
        if not value.isprintable():
            raise self.refuse(key, "the string has control characters")
        return value

    def texts(self, key: str, *, longest: int = 65_536) -> tuple[str, ...]:
        """The strings of a list, empty when it is not there."""
        values = self._list(key)
        if not all(isinstance(value, str) and len(value) <= longest for value in values):
            raise self.refuse(key, "a list of strings is expected")
        return tuple(str(value) for value in values)

    def text_map(self, key: str) -> tuple[tuple[str, str], ...]:
        """A mapping of strings to strings, sorted; empty when it is not there."""
        value = self._members.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
            raise self.refuse(key, "an object of strings is expected")
        return tuple(sorted((str(name), str(item)) for name, item in value.items()))

    def integer(self, key: str, default: int) -> int:
        """A number without a fraction."""
        value = self._members.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refuse(key, "an integer is expected")
        return value

    def section(self, key: str) -> "OpenObject":
        """A required object below this one."""
        return self._below(self._members.get(key), self._at(key))

    def optional_section(self, key: str) -> "OpenObject":
        """An object below this one, empty when it is not there."""
        return self._below(self._members.get(key, {}), self._at(key))

    def sections(self, key: str) -> list["OpenObject"]:
        """The objects of a list, empty when it is not there."""
        return [self._below(value, f"{self._at(key)}[{number}]") for number, value in enumerate(self._list(key))]

    def _below(self, value: object, place: str) -> "OpenObject":
        return OpenObject(value, place=place, code=self._code, remedy=self._remedy)

    def _list(self, key: str) -> list[object]:
        value = self._members.get(key, [])
        if not isinstance(value, list):
            raise self.refuse(key, "a list is expected")
        return value
