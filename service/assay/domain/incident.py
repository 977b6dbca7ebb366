"""A tag that was declared immutable stands for another digest."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assay.domain.arming import require_line
from assay.domain.digest import Digest
from assay.domain.reference import Reference, Repository


class Witness(StrEnum):
    """By what we saw what a tag stands for."""

    ADMISSION = "admission"
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSighting:
    """A tag stood for a digest at a moment (UTC); `pushed` is when the registry says that it was pushed, if it does."""

    repository: Repository
    tag: str
    digest: Digest
    witness: Witness
    at: datetime
    pushed: datetime | None = None

    def __post_init__(self) -> None:
        Reference(repository=self.repository, tag=self.tag)
        if self.at.tzinfo is None:
            raise ValueError("the time of a sighting has a zone")


class IncidentKind(StrEnum):
    """What there is to tell: a tag moved, or somebody accepted that it did."""

    MOVED = "tag_moved"
    ACCEPTED = "tag_accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What happened to an immutable tag: it was first seen as `known` and stands for `found`.

    `by` is the witness of a move or whoever accepted it, with the `reason`. Raises `ConfigError(reason_invalid)` for an
    acceptance without one or by nobody.
    """

    kind: IncidentKind
    repository: Repository
    tag: str
    known: Digest
    found: Digest
    at: datetime
    by: str
    reason: str = ""
    pushed: datetime | None = None

    def __post_init__(self) -> None:
        if self.kind is IncidentKind.ACCEPTED:
            require_line("a reason", self.reason)
            require_line("a name", self.by)

    @property
    def reference(self) -> Reference:
        """The tag with the digest that it stands for."""
        return Reference(repository=self.repository, tag=self.tag, digest=self.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingIncident:
    """An incident that somebody has still to hear of: the log, or the owner; `number` is its place in the book."""

    number: int
    incident: Incident
    recorded: bool
