"""What registries tell about themselves: something was pushed, or is gone."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assay.domain.digest import Digest
from assay.domain.reference import Reference, Repository

LARGEST_NOTIFICATION = 1024 * 1024
"""How many bytes a notification may have."""


class SourceKind(StrEnum):
    """The forms of notification that are understood, by who sends them."""

    DISTRIBUTION = "distribution"
    HARBOR = "harbor"
    EVENTBRIDGE = "eventbridge"
    GITHUB = "github"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSource:
    """Who may notify, of which registry, and below which prefixes of it; without prefixes of all of it.

    Raises `InvalidInput(reference_malformed)` for a registry or a prefix that no repository could have.
    """

    name: str
    kind: SourceKind
    registry: str
    prefixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for prefix in self.prefixes or ("any",):
            Repository(registry=self.registry, path=prefix)

    def covers(self, repository: Repository) -> bool:
        """Whether the source may speak of the repository."""
        if repository.registry != self.registry:
            return False
        return not self.prefixes or any(f"{repository.path}/".startswith(f"{item}/") for item in self.prefixes)


class Action(StrEnum):
    """What happened in a registry."""

    PUSH = "push"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEvent:
    """One thing that happened to a repository: a manifest was pushed, or something was deleted.

    A push has a digest, and a tag when it was one by tag. `at` is when the registry says that it happened, None when it
    does not say. Raises `ValueError` for a push without digest or a time without zone, and
    `InvalidInput(reference_malformed)` for a tag that no reference could have.
    """

    action: Action
    repository: Repository
    tag: str = ""
    digest: Digest | None = None
    at: datetime | None = None

    def __post_init__(self) -> None:
        if self.action is Action.PUSH and self.digest is None:
            raise ValueError("a push has a digest")
        if self.at is not None and self.at.tzinfo is None:
            raise ValueError("the time of an event has a zone")
        if self.tag:
            Reference(repository=self.repository, tag=self.tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one notification says: the events that concern us, and how many others were left alone."""

    events: tuple[RegistryEvent, ...] = ()
    ignored: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a notification: how many of its events count, and how many were left alone."""

    events: int
    ignored: int
