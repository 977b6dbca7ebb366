"""A tag that several writers change at the same time: the fallback tag of referrers, and the legacy tags of evidence.

No specification knows a lock for it, so every change is made with the condition that nobody else changed the tag since
it was read (RFC 9110 `If-Match`), and looked at again where a registry takes no notice of conditions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from assay.domain.descriptor import Content
from assay.domain.errors import Unavailable
from assay.ports import Amend

SETTLE_SECONDS = 2.0
"""How long a writer waits before it looks again: longer than any writer takes from reading the tag to writing it."""

_ROUNDS = 10


class Written(Enum):
    """What became of a change."""

    KEPT = "kept"
    LOST = "lost"
    UNGUARDED = "unguarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedManifest:
    """The manifest under the tag, None when there is none, and the entity tag of exactly this state, if it has one."""

    content: Content | None
    entity_tag: str = ""

    @property
    def condition(self) -> Mapping[str, str]:
        """The header that lets a change through only while the tag is as it was read; none when that cannot be said."""
        if self.content is None:
            return {"If-None-Match": "*"}
        strong = self.entity_tag.startswith('"') and self.entity_tag.isprintable()
        return {"If-Match": self.entity_tag} if strong else {}


class Tag(Protocol):
    """One tag in a registry."""

    def read(self) -> TaggedManifest:
        """What the tag holds now."""
        ...

    def write(self, manifest: Content, condition: Mapping[str, str]) -> Written:
        """Replace it: LOST when the condition did not hold, UNGUARDED when the registry does not heed conditions."""
        ...


def amend_tag(tag: Tag, amend: Amend, *, settle: Callable[[], None], what: str) -> Content:
    """Change what is under a tag until `amend` has nothing to change, or the change was kept; what the tag holds then.

    Where the registry heeds conditions, nothing that anybody wrote is ever lost. Where it does not, a writer that took
    longer than `SETTLE_SECONDS` between reading and writing could still undo another's change. Raises
    `Unavailable(registry_unavailable)` after ten rounds, and what `amend` raises.
    """
    for _ in range(_ROUNDS):
        seen = tag.read()
        amended = amend(seen.content)
        if amended is None:
            if seen.content is None:
                raise ValueError("a tag that does not exist lacks whatever it is to have")
            return seen.content
        written = tag.write(amended, seen.condition)
        if written is Written.KEPT:
            return amended
        if written is Written.UNGUARDED:
            settle()
    raise Unavailable(
        "registry_unavailable",
        f"{what} lost a change to other writers {_ROUNDS} times",
        remedy="repeat when nobody else writes to this tag",
    )
