"""What a misuse case is: numbered, sourced, and played against a webhook step by step."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from assay_misuse.bench import Bench
from assay_misuse.workload import Json

PATIENCE = 10
"""Seconds in which a webhook has to answer, unless an attempt says otherwise; what `?timeout=` tells it."""


class Expected(StrEnum):
    """What must become of a request."""

    ADMIT = "admit"
    DENY = "deny"
    SAFE = "deny, or admit nothing but what is signed"


class Need(StrEnum):
    """What a part needs beside a webhook and a registry; only whoever holds the webhook's own process has it."""

    POLICY = "a change of policy"
    TRUST = "a change of trust"
    ENGINE = "answers put into the policy engine's mouth"
    COLLABORATOR = "collaborators that break"
    KEYLESS = "keyless evidence under a trust root of the suite"
    CREDENTIALS = "a credential of the registry"
    RECORD = "the record of decisions"
    READINESS = "what the webhook tells of itself"
    RESTART = "a new process with the old cache"
    TENANTS = "tenants by namespace"
    PULL_SECRETS = "a cluster with pull secrets"
    EXCEPTIONS = "signed exceptions"
    CUSTOM_RESOURCES = "a custom resource that is covered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request and what must become of it, within `seconds`.

    An object whose images are all pinned is asked of every hook, and each has to do what is expected. Any other object
    goes the way through the cluster: the mutating hook, then the validating hook with what the first one made of it.
    `validate_only` leaves the mutating hook out, as if the object had changed after it. Where `SAFE` is expected,
    `signed` is the only digest that may come out.
    """

    name: str
    review: Json = field(repr=False, hash=False)
    expected: Expected
    signed: str = ""
    seconds: int = PATIENCE
    validate_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Attempts that are made at the same time."""

    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Something else that has to hold: what a host was sent, what a record says."""

    name: str
    holds: bool


Step = Attempt | Together | Observation
Play = Callable[[Bench], Iterator[Step]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a case: its steps are made one after the other, and what lies in the registry changes in between.

    A part whose steps deny has a twin among them that is admitted: without it a denial proves nothing.
    """

    name: str
    play: Play
    needs: frozenset[Need] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A numbered case; `sources` are the advisories and issues that it is taken from."""

    number: int
    title: str
    sources: tuple[str, ...]
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        if not self.parts or len(set(names)) != len(names):
            raise ValueError("a case has parts, each with a name of its own")


def part(name: str, play: Play, *needs: Need) -> Part:
    """A part with what it needs."""
    return Part(name=name, play=play, needs=frozenset(needs))


def admit(name: str, review: Json, *, seconds: int = PATIENCE, validate_only: bool = False) -> Attempt:
    """An attempt that has to succeed: the twin of denials."""
    return Attempt(name=name, review=review, expected=Expected.ADMIT, seconds=seconds, validate_only=validate_only)


def deny(name: str, review: Json, *, seconds: int = PATIENCE, validate_only: bool = False) -> Attempt:
    """An attempt that has to fail."""
    return Attempt(name=name, review=review, expected=Expected.DENY, seconds=seconds, validate_only=validate_only)


def admit_only(name: str, review: Json, digest: str) -> Attempt:
    """An attempt that may succeed with this digest alone."""
    return Attempt(name=name, review=review, expected=Expected.SAFE, signed=digest)


def deny_each(reviews: Mapping[str, Json], *, seconds: int = PATIENCE) -> Iterator[Attempt]:
    """One attempt that has to fail for each review, by its name."""
    for name, review in reviews.items():
        yield deny(name, review, seconds=seconds)
