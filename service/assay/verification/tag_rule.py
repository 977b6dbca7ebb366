"""Which tags are declared immutable: they stand for the digest that was first seen under them."""

from dataclasses import dataclass

from assay.domain.reference import Repository
from assay.verification.text_pattern import TextPattern


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRule:
    """Tags that match one of `tags`, in repositories whose canonical name matches; `owner` is told when one moves.

    An empty `owner` is nobody. A rule without tags cannot be built (`ValueError`).
    """

    repository: TextPattern
    tags: tuple[TextPattern, ...]
    owner: str = ""

    def __post_init__(self) -> None:
        if not self.tags:
            raise ValueError("a rule names at least one tag")

    def covers(self, repository: Repository, tag: str) -> bool:
        """Whether the rule declares this tag immutable."""
        return self.repository.matches(repository.name) and any(pattern.matches(tag) for pattern in self.tags)


def find_rule(rules: tuple[TagRule, ...], repository: Repository, tag: str) -> TagRule | None:
    """The first rule that declares a tag immutable, None when none does."""
    return next((rule for rule in rules if tag and rule.covers(repository, tag)), None)
