"""SPDX licence expressions: what they demand and between what they let one choose (SPDX 2.3, annex D)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from assay.domain.errors import InvalidInput
from assay.licences.identifier import exception_term, licence_term, terms_hit_by

_LONGEST = 65_536
_MOST_TOKENS = 1_000
_DEEPEST = 32
_MOST_CHOICES = 64
_TOKEN = re.compile(r"\s*(?:([()])|([A-Za-z0-9.:+-]+))")
_NAMED = re.compile(r"[A-Za-z0-9.:+-]+")
_OPERATORS = frozenset({"AND", "OR", "WITH", "and", "or", "with"})

Choices = frozenset[frozenset[str]]


class LicenceState(StrEnum):
    """What is known of an expression; only `valid` ones can be acceptable."""

    VALID = "valid"
    UNKNOWN = "unknown"
    NONE = "none"
    NOASSERTION = "noassertion"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceFacts:
    """An expression judged once.

    `choices` are the alternatives, each the set of terms one accepts together; `required` are the terms that no
    alternative escapes. Both are sorted. `unknown`: a term is not on the SPDX list, or there are more than 64
    alternatives or 1,000 words. `invalid`: not an expression. In every state but `valid` there is one alternative: all
    licences that the text names, so that a word nobody knows never hides the ones beside it.
    """

    expression: str
    state: LicenceState
    required: tuple[str, ...] = ()
    choices: tuple[tuple[str, ...], ...] = ()


class _Malformed(Exception):
    """Not an expression; never leaves this module."""


class _Unknown(Exception):
    """An expression that cannot be judged; never leaves this module."""


def judge(expression: str) -> LicenceFacts:
    """Judge one expression; total: every text has facts.

    `NONE` and `NOASSERTION` stand alone or in an AND, whose state they become; beside OR or WITH they are malformed.
    `licence WITH exception` is one term. Not memoised: the caller judges each distinct text once.
    """
    try:
        choices = _Parser(expression).parse()
    except _Malformed:
        return _unjudged(expression, LicenceState.INVALID)
    except _Unknown:
        return _unjudged(expression, LicenceState.UNKNOWN)
    for word, state in (("NONE", LicenceState.NONE), ("NOASSERTION", LicenceState.NOASSERTION)):
        if any(word in choice for choice in choices):
            return _unjudged(expression, state)
    return LicenceFacts(
        expression=expression,
        state=LicenceState.VALID,
        required=tuple(sorted(frozenset.intersection(*choices))),
        choices=tuple(sorted(tuple(sorted(choice)) for choice in choices)),
    )


def _unjudged(expression: str, state: LicenceState) -> LicenceFacts:
    words = _NAMED.findall(expression[:_LONGEST])
    named = {term for word in dict.fromkeys(words) for term in (licence_term(word), licence_term(word.rstrip(".,;:")))}
    terms = tuple(sorted(named - {""}))
    return LicenceFacts(expression=expression, state=state, required=terms, choices=(terms,))


def expand_denied(ids: Iterable[str]) -> tuple[str, ...]:
    """Every term that a deny list hits, sorted, so that rules compare plain terms.

    Entries are single terms (`GPL-3.0-only`, `MPL-1.1+`, `GPL-2.0-only WITH Classpath-exception-2.0`). Raises
    `InvalidInput(licence_unknown)` for anything else: an entry that hits nothing must not look like one.
    """
    hit: set[str] = set()
    for entry in ids:
        facts = judge(entry)
        if facts.state is not LicenceState.VALID or facts.required == () or facts.choices != (facts.required[:1],):
            raise InvalidInput(
                "licence_unknown",
                f"{entry[:100]!r} is not one SPDX licence",
                remedy="write an identifier of the SPDX licence list, a LicenseRef- or `licence WITH exception`",
            )
        hit |= terms_hit_by(facts.required[0])
    return tuple(sorted(hit))


class _Parser:
    """Recursive descent over `+` > WITH > AND > OR, straight into alternatives."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def parse(self) -> Choices:
        choices = self._either()
        if self._next != len(self._tokens):
            raise _Malformed
        return choices

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self, *operators: str) -> bool:
        found = self._peek() in operators
        self._next += found
        return found

    def _either(self) -> Choices:
        alternatives = [self._both()]
        while self._take("OR", "or"):
            alternatives.append(self._both())
        if len(alternatives) > 1 and any(choice & {"NONE", "NOASSERTION"} for item in alternatives for choice in item):
            raise _Malformed
        return _bounded(frozenset().union(*alternatives))

    def _both(self) -> Choices:
        choices = self._operand()
        while self._take("AND", "and"):
            right = self._operand()
            choices = _bounded(frozenset(first | second for first in choices for second in right))
        return choices

    def _operand(self) -> Choices:
        if not self._take("("):
            return frozenset({frozenset({self._term()})})
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Malformed
        choices = self._either()
        if not self._take(")"):
            raise _Malformed
        self._depth -= 1
        return choices

    def _term(self) -> str:
        licence = self._word()
        if self._take("WITH", "with"):
            exception = self._word()
            if licence in {"NONE", "NOASSERTION"}:
                raise _Malformed
            return f"{_known(licence_term(licence))} WITH {_known(exception_term(exception))}"
        return licence if licence in {"NONE", "NOASSERTION"} else _known(licence_term(licence))

    def _word(self) -> str:
        word = self._peek()
        if word in {"", "(", ")"} or word in _OPERATORS or word == "+":
            raise _Malformed
        self._next += 1
        return word


def _tokens(text: str) -> list[str]:
    if len(text) > _LONGEST or not text.isascii():
        raise _Malformed
    stripped = text.strip()
    tokens: list[str] = []
    position = 0
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise _Malformed
        tokens.append(match[1] or match[2])
        position = match.end()
        if len(tokens) > _MOST_TOKENS:
            raise _Unknown
    return tokens


def _known(term: str) -> str:
    if not term:
        raise _Unknown
    return term


def _bounded(choices: Choices) -> Choices:
    if len(choices) > _MOST_CHOICES:
        raise _Unknown
    return choices
