"""Patterns over one text: exact, glob and RE2; each matches the whole text or nothing."""

import re
from dataclasses import dataclass, field
from typing import Protocol

import re2

from assay.domain.errors import ConfigError

LONGEST_PATTERN = 1024
LONGEST_TEXT = 4096
_GLOB_PART = re.compile(r"\*\*|\*|[^*]+")
_HOST_DOT = re.compile(r"(?<!\\)\.(?![*+?{])")
_HOST = re.compile(r":(?:\\?/){2}(?P<host>[^/(\[|]*)")


class _Compiled(Protocol):
    """What is used of an RE2 expression."""

    def fullmatch(self, text: str) -> object | None:
        """A match over the whole text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPattern:
    """What one text must be: equal to `exact`, like `glob`, matched by `regex` (RE2, as in Go); all that is given.

    A pattern matches the whole text. In a glob, `*` stands for any characters but `/` and `**` for any characters;
    nothing else is special. Texts above 4 KiB match nothing. Raises `ConfigError(pattern_invalid)` for a pattern that
    asks for nothing, is longer than 1 KiB or is not RE2.
    """

    exact: str = ""
    glob: str = ""
    regex: str = ""
    _compiled: tuple[_Compiled, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        written = [text for text in (self.exact, self.glob, self.regex) if text]
        if not written:
            raise _invalid("a pattern is empty", "write exact, glob or regex")
        if any(len(text) > LONGEST_PATTERN for text in written):
            raise _invalid("a pattern is too long", f"write at most {LONGEST_PATTERN} characters")
        expressions = [self.regex, _translate_glob(self.glob)]
        object.__setattr__(self, "_compiled", tuple(_compile(text) for text in expressions if text))

    def matches(self, text: str) -> bool:
        """Whether the whole text meets everything that is given."""
        if len(text) > LONGEST_TEXT or (self.exact and text != self.exact):
            return False
        return all(compiled.fullmatch(text) is not None for compiled in self._compiled)

    def document(self) -> dict[str, str]:
        """The pattern as JSON values."""
        written = {"exact": self.exact, "glob": self.glob, "regex": self.regex}
        return {key: text for key, text in written.items() if text}

    @property
    def hint(self) -> str:
        """The text of the pattern that says most about what is meant."""
        return self.exact or self.glob or self.regex


def find_pattern_warnings(pattern: TextPattern) -> tuple[str, ...]:
    """What in a regular expression is probably wider than meant: open ends, dots of a host name that match anything."""
    if not pattern.regex:
        return ()
    found = []
    if pattern.regex.removeprefix("^").startswith(".*"):
        found.append("it begins with .*")
    if pattern.regex.removesuffix("$").endswith(".*") and not pattern.regex.removesuffix("$").endswith("\\.*"):
        found.append("it ends with .*")
    host = _HOST.search(pattern.regex)
    if host is not None and _HOST_DOT.search(host["host"]):
        found.append("a dot of its host name is not escaped and matches any character")
    return tuple(f"the regex {pattern.regex[:100]!r}: {what}" for what in found)


def _translate_glob(glob: str) -> str:
    marks = {"*": "[^/]*", "**": "(?s:.*)"}
    return "".join(marks.get(part, re.escape(part)) for part in _GLOB_PART.findall(glob))


def _compile(expression: str) -> _Compiled:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        compiled: _Compiled = re2.compile(expression, options=options)
    except (re2.error, UnicodeEncodeError) as error:
        raise _invalid(f"the pattern {expression[:100]!r} is not RE2: {error}", "see the RE2 syntax") from error
    return compiled


def _invalid(why: str, remedy: str) -> ConfigError:
    return ConfigError("pattern_invalid", why, remedy=remedy)
