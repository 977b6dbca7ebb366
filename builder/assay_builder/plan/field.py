"""Reading a closed mapping field by field: what nobody reads is refused."""

from collections.abc import Iterator

from assay.domain.errors import InvalidInput

_LONGEST = 4096


class Fields:
    """The fields of one mapping of a specification or a lock.

    Every field must be read before `finish`, or it is unknown. Raises `InvalidInput` with the given code, naming the
    place (`image.user`), everywhere.
    """

    def __init__(self, value: object, *, place: str, code: str) -> None:
        self._place = place
        self._code = code
        if not isinstance(value, dict):
            raise self.refuse("", "a mapping is expected")
        self._fields: dict[str, object] = dict(value)

    def refuse(self, key: str, why: str) -> InvalidInput:
        """The error that names this field."""
        place = ".".join(part for part in (self._place, key) if part)
        return InvalidInput(self._code, f"{place or 'the document'}: {why}", remedy="correct the named field")

    def has(self, key: str) -> bool:
        """Whether the field is there and was not read yet."""
        return key in self._fields

    def take(self, key: str) -> object:
        """The raw value of a required field."""
        if key not in self._fields:
            raise self.refuse(key, "the field is missing")
        return self._fields.pop(key)

    def text(self, key: str) -> str:
        """Required text that is not empty."""
        return self._text(key, self.take(key))

    def number(self, key: str, *, largest: int) -> int:
        """A required whole number of at least zero: an integer, or its decimal digits as YAML text."""
        value = self.take(key)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
            raise self.refuse(key, f"a whole number from 0 to {largest} is expected")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty when the field is absent."""
        if not self.has(key):
            return ()
        return tuple(self._text(key, value) for value in self._list(key))

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A mapping of text to text, sorted by key; empty when the field is absent."""
        if not self.has(key):
            return ()
        value = self.take(key)
        if not isinstance(value, dict):
            raise self.refuse(key, "a mapping is expected")
        return tuple(sorted((self._text(key, name), self._text(f"{key}.{name}", item)) for name, item in value.items()))

    def section(self, key: str) -> "Fields":
        """A required mapping below this one."""
        return Fields(self.take(key), place=".".join(part for part in (self._place, key) if part), code=self._code)

    def sections(self, key: str) -> Iterator["Fields"]:
        """The mappings of a list; none when the field is absent."""
        for number, value in enumerate(self._list(key) if self.has(key) else ()):
            yield Fields(value, place=f"{self._place}.{key}[{number}]".lstrip("."), code=self._code)

    def finish(self) -> None:
        """Refuse every field that was not read."""
        if self._fields:
            raise self.refuse(str(min(self._fields))[:80], "unknown field")

    def _list(self, key: str) -> list[object]:
        value = self.take(key)
        if not isinstance(value, list):
            raise self.refuse(key, "a list is expected")
        return value

    def _text(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not value or len(value) > _LONGEST or "\x00" in value:
            raise self.refuse(key, f"text of 1 to {_LONGEST} characters is expected")
        return value
