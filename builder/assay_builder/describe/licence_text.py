"""Which licence a text is: compared with the SPDX texts, word pair by word pair.

A text and a licence are turned into words (case, punctuation, numbering, copyright lines and names of holders do not
count: SPDX specification, "licence list matching guidelines") and compared by the Dice coefficient over their pairs of
neighbouring words. The best one is the licence only when it reaches the threshold and the text says hardly anything
beyond it: one sentence added to a long licence changes its likeness little and its meaning a lot. Otherwise nothing is
claimed. A text with the words of both `-only` and `-or-later` is called `-only`: which one holds is said elsewhere.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from assay.domain.errors import ConfigError, InvalidInput
from assay.formats.strict_json import parse_json

THRESHOLD = 0.95
"""Below this likeness (0 to 1) a text is not claimed to be a licence."""

MOST_ADDED_PAIRS = 16
"""More word pairs than these beyond the licence, about one sentence, and nothing is claimed."""

_LARGEST_TEXTS = 4 * 1024 * 1024
_COPYRIGHT = re.compile(
    r"[^a-z0-9]{0,20}(?:portions )?(?:"
    r"copyright\b[^a-z0-9]{0,4}(?:\(c\)|©|[0-9]{4}|[<\[{(]|c\b|by\b|the [a-z]+ authors\b)"
    r"|©|\(c\) ?[0-9]{4}|all rights reserved\b).{0,160}"
)
"""A whole line that only says who holds the copyright; a longer one has room for conditions and counts as text."""

_NUMBERING = re.compile(r"(?:[-*•·]|\(?(?:[0-9]{1,2}|[a-z]|[ivx]{1,4})[.)])\s")
_END_OF_TERMS = "END OF TERMS AND CONDITIONS"
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_HOLDERS = (
    (re.compile(r"\bneither the names? of .{1,100}? nor the names\b"), "neither the name of holder nor the names"),
    (
        re.compile(
            r"\b(?:the )?(?:(?:above )?(?:copyright )?(?:holders?|owners?)|authors?|isc|regents)"
            r"(?: (?:or|and) (?:the )?(?:copyright holders|contributors))?(?= (?:disclaims?|be|as|and|or)\b)"
        ),
        "holder",
    ),
)

Pairs = Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceTexts:
    """The known licences: SPDX id and word pairs of each, and where the texts come from."""

    origin: str
    pairs: tuple[tuple[str, Pairs], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """The most similar licence: Dice coefficient from 0 to 1, and how many word pairs the text adds to it."""

    id: str
    score: float
    added: int

    @property
    def convincing(self) -> bool:
        """Whether the text may be claimed to be this licence."""
        return self.score >= THRESHOLD and self.added <= MOST_ADDED_PAIRS


def parse_licence_texts(octets: bytes) -> LicenceTexts:
    """Read the shipped texts; `ConfigError(licence_texts_unusable)` when they are damaged."""
    try:
        document = parse_json(octets, what="the licence texts", largest=_LARGEST_TEXTS)
    except InvalidInput as error:
        raise _unusable(error.message) from error
    match document:
        case {"origin": str(origin), "licences": list(licences)} if licences:
            return LicenceTexts(origin=origin, pairs=tuple(entry for item in licences for entry in _licence(item)))
    raise _unusable("an origin and a list of licences are expected")


def find_licence(text: str, texts: LicenceTexts) -> Likeness:
    """The licence most like a text, deterministically; judge it by `convincing`."""
    pairs = word_pairs(text)
    best = Likeness(id="", score=-1.0, added=pairs.total())
    for identifier, known in texts.pairs:
        if (score := _dice(pairs, known)) > best.score:
            best = Likeness(id=identifier, score=score, added=(pairs - known).total())
    return best


def word_pairs(text: str) -> Pairs:
    """How often each pair of neighbouring words occurs; the time is linear in the length of the text."""
    words: list[str] = []
    for line in text.lower().splitlines():
        stripped = line.strip()
        if not _COPYRIGHT.fullmatch(stripped):
            numbering = _NUMBERING.match(stripped)
            words += _WORD.findall(stripped[numbering.end() if numbering else 0 :])
    joined = " ".join(words)
    for form, replacement in _HOLDERS:
        joined = form.sub(replacement, joined)
    return Counter(pairwise(joined.split()))


def _dice(one: Pairs, other: Pairs) -> float:
    sizes = one.total() + other.total()
    if not sizes or 2 * min(one.total(), other.total()) < THRESHOLD * sizes:
        return 0.0
    return 2 * (one & other).total() / sizes


def _licence(item: object) -> list[tuple[str, Pairs]]:
    """A licence with an appendix on how to apply it is known with and without that."""
    match item:
        case {"id": str(identifier), "text": str(text), **rest} if not rest:
            terms, end, _ = text.partition(_END_OF_TERMS)
            variants = [text, terms + end] if end else [text]
            return [(identifier, word_pairs(variant)) for variant in variants]
    raise _unusable("a licence has an id and a text")


def conjunction(identifiers: Iterable[str]) -> str:
    """The SPDX expression that demands every one of these licences; empty for none."""
    return " AND ".join(sorted(set(identifiers)))


def _unusable(why: str) -> ConfigError:
    return ConfigError(
        "licence_texts_unusable", f"the shipped licence texts cannot be used: {why}", remedy="install Assay again"
    )
