"""Reading one mapping of the configuration, field by field, refusing what nobody reads."""

import re
from collections.abc import Iterator, Mapping

from assay.domain.errors import ConfigError, InvalidInput
from assay.formats.strict_yaml import parse_yaml

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


def refuse(place: str, why: str, remedy: str) -> ConfigError:
    """The error for one place of the configuration."""
    return ConfigError("configuration_invalid", f"{place}: {why}", remedy=remedy)


def open_configuration(octets: bytes) -> "Section":
    """The root of a configuration file of version 1; `ConfigError(configuration_invalid)`."""
    try:
        document = parse_yaml(octets, what="the configuration")
    except InvalidInput as error:
        raise ConfigError("configuration_invalid", error.message, remedy=error.remedy) from error
    root = Section(document, "")
    if (version := root.text("version")) != "1":
        raise refuse("version", f"{version[:20]!r} is not known", "write `version: 1`")
    return root


def parse_decimal(text: str, *, highest: int) -> int | None:
    """The number that decimal digits write, None for any other text and for a number above `highest`."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(highest)):
        return None
    return int(text) if int(text) <= highest else None


class Section:
    """A mapping of the configuration; every field must be read before `finish`, or it is unknown.

    Raises `ConfigError(configuration_invalid)` naming the place (`service.listen`) everywhere.
    """

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, Mapping):
            raise refuse(place, "a mapping is expected here", "write `key: value` lines")
        self._members = dict(value)
        self._place = place

    def _at(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    @property
    def place(self) -> str:
        """Where this mapping stands, as messages name it."""
        return self._place

    def fields(self) -> tuple[str, ...]:
        """The names of all fields that nobody has read yet, sorted."""
        return tuple(sorted(map(str, self._members)))

    def has(self, key: str) -> bool:
        """Whether the field is written."""
        return key in self._members

    def text(self, key: str, default: str | None = None) -> str:
        """A text field; required unless a default is given, and never empty when written."""
        if key not in self._members:
            if default is None:
                raise refuse(self._at(key), "the field is missing", "write it")
            return default
        value = self._members.pop(key)
        if not isinstance(value, str) or not value:
            raise refuse(self._at(key), "a non-empty text is expected", "write a value behind the colon")
        return value

    def name(self, key: str) -> str:
        """A required name: lower-case letters, digits, `.`, `_`, `-`."""
        return self._as_name(self._at(key), self.text(key))

    def integer(self, key: str, default: int, *, lowest: int, highest: int) -> int:
        """A decimal number within a closed range."""
        text = self.text(key, str(default))
        number = parse_decimal(text, highest=highest)
        if number is None or number < lowest:
            raise refuse(self._at(key), f"{text[:40]!r} is not a number", f"write {lowest} to {highest}")
        return number

    def required_integer(self, key: str, *, lowest: int, highest: int) -> int:
        """A decimal number within a closed range that must be written."""
        if key not in self._members:
            raise refuse(self._at(key), "the field is missing", f"write {lowest} to {highest}")
        return self.integer(key, lowest, lowest=lowest, highest=highest)

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """A field that says `true` or `false`; required unless a default is given."""
        if default is not None and not self.has(key):
            return default
        if (text := self.text(key)) not in {"true", "false"}:
            raise refuse(self._at(key), f"{text[:40]!r} is neither true nor false", "write true or false")
        return text == "true"

    def text_or_section(self, key: str) -> "str | Section":
        """A required field that is either a text or a mapping."""
        return self.section(key) if isinstance(self._members.get(key), Mapping) else self.text(key)

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts; empty when not written, unless it is required."""
        if key not in self._members and not required:
            return ()
        value = self._members.pop(key, None)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
            raise refuse(self._at(key), "a list of texts is expected", "write `- value` lines")
        return tuple(value)

    def texts_or_sections(self, key: str) -> "tuple[str | Section, ...]":
        """A list of texts and mappings; empty when not written, and never empty when written."""
        if key not in self._members:
            return ()
        value = self._members.pop(key)
        if not isinstance(value, list) or not value:
            raise refuse(self._at(key), "a list is expected", "write `- value` lines")
        return tuple(self._item(f"{self._at(key)}[{number}]", item) for number, item in enumerate(value))

    @staticmethod
    def _item(place: str, value: object) -> "str | Section":
        if isinstance(value, str) and value:
            return value
        return Section(value, place)

    def names(self, key: str) -> tuple[str, ...]:
        """A required list of names."""
        return tuple(self._as_name(self._at(key), value) for value in self.texts(key, required=True))

    def section(self, key: str) -> "Section":
        """A required mapping below this one."""
        if key not in self._members:
            raise refuse(self._at(key), "the section is missing", "write it")
        return Section(self._members.pop(key), self._at(key))

    def optional_section(self, key: str) -> "Section | None":
        """A mapping below this one, or None when it is not written."""
        return self.section(key) if key in self._members else None

    def named_sections(self, key: str) -> Iterator[tuple[str, "Section"]]:
        """The members of a required mapping from names to mappings."""
        table = self.section(key)
        for name in sorted(table._members):  # noqa: SLF001  # another instance of this class
            yield self._as_name(self._at(key), name), table.section(name)

    def sections(self, key: str) -> Iterator["Section"]:
        """The mappings of a list; none when it is not written."""
        value = self._members.pop(key, [])
        if not isinstance(value, list):
            raise refuse(self._at(key), "a list of mappings is expected", "write `- key: value` lines")
        for number, item in enumerate(value):
            yield Section(item, f"{self._at(key)}[{number}]")

    def finish(self) -> None:
        """Refuse every field that was not read: an option without effect must not look like one."""
        if self._members:
            unknown = ", ".join(sorted(map(str, self._members)))
            raise refuse(self._place or "the file", f"unknown field {unknown[:200]}", "remove or correct it")

    @staticmethod
    def _as_name(place: str, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise refuse(place, f"{value[:80]!r} is not a name", "use lower-case letters, digits, `.`, `_` and `-`")
        return value
