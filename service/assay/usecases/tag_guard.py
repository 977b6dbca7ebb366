"""The rules about immutable tags with the book of what they stood for."""

from dataclasses import dataclass, field

from assay.domain.artefact import Artefact
from assay.domain.recent import Recent
from assay.ports.incident import TagBook
from assay.verification.tag_rule import TagRule, find_rule

_MOST_KNOWN = 4096


def _nothing_known() -> "Recent[Artefact, bool]":
    return Recent.of(_MOST_KNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagGuard:
    """The rules with the book; `known` are tags with a digest that they may stand for, which never changes."""

    rules: tuple[TagRule, ...]
    book: TagBook
    known: Recent[Artefact, bool] = field(default_factory=_nothing_known)

    def covers(self, artefact: Artefact) -> bool:
        """Whether the tag of an artefact is declared immutable."""
        return find_rule(self.rules, artefact.repository, artefact.tag) is not None
