"""The fallback tag: how referrers are kept where a registry has no referrers API.

OCI distribution specification 1.1, "referrers tag schema": an index under the tag `sha256-<hex>` of the subject. The
specification knows no lock for it, so every change is made with the condition that nobody else changed the tag since
it was read (RFC 9110 `If-Match`), and looked at again where a registry takes no notice of conditions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from assay.domain.descriptor import Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.formats.manifest import ImageIndex, render_index

SETTLE_SECONDS = 2.0
"""How long a writer waits before it looks again: longer than any writer takes from reading the tag to writing it."""

_ROUNDS = 10


class Written(Enum):
    """What became of a change."""

    KEPT = "kept"
    LOST = "lost"
    UNGUARDED = "unguarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedIndex:
    """The index under the tag, None when there is none, and the entity tag of exactly this state, if there is one."""

    index: ImageIndex | None
    entity_tag: str = ""

    @property
    def condition(self) -> Mapping[str, str]:
        """The header that lets a change through only while the tag is as it was read; none when that cannot be said."""
        if self.index is None:
            return {"If-None-Match": "*"}
        strong = self.entity_tag.startswith('"') and self.entity_tag.isprintable()
        return {"If-Match": self.entity_tag} if strong else {}


class FallbackTag(Protocol):
    """One subject's fallback tag in a registry."""

    def read(self) -> TaggedIndex:
        """What the tag holds now."""
        ...

    def write(self, index: bytes, condition: Mapping[str, str]) -> Written:
        """Replace it: LOST when the condition did not hold, UNGUARDED when the registry does not heed conditions."""
        ...


def add_to_fallback(referrer: Descriptor, tag: FallbackTag, *, settle: Callable[[], None], what: str) -> None:
    """Add a referrer to the index under the tag, and see that it stays there beside every other writer's.

    Where the registry heeds conditions, no entry is ever lost. Where it does not, a writer that took longer than
    `SETTLE_SECONDS` between reading and writing could still undo another's change. Raises
    `Unavailable(registry_unavailable)` after ten rounds.
    """
    for _ in range(_ROUNDS):
        seen = tag.read()
        listed = _by_digest(seen.index)
        if referrer.digest in listed:
            return
        written = tag.write(render_index([*listed.values(), referrer]), seen.condition)
        if written is Written.KEPT:
            return
        if written is Written.UNGUARDED:
            settle()
    raise Unavailable(
        "registry_unavailable",
        f"{what} lost the referrer {referrer.digest} to other writers {_ROUNDS} times",
        remedy="push again when nobody else writes to this tag",
    )


def _by_digest(index: ImageIndex | None) -> dict[Digest, Descriptor]:
    return {entry.digest: entry for entry in index.manifests} if index else {}
