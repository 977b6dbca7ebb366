"""Ports of immutable tags and of those who hear of incidents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.incident import Incident, PendingIncident, TagSighting
from assay.domain.reference import Reference, Repository

MOST_MOVES = 32
"""How many digests that a tag moved to may wait to be accepted; further ones are only denied."""


class TagBook(Protocol):
    """What immutable tags stood for, durably; raises `Unavailable(tags_unavailable)`."""

    def accepted(self, repository: Repository, tag: str) -> frozenset[Digest]:
        """The digests that a tag may stand for: the first one, and those that were accepted. None: it was never seen.

        A digest that is accepted once stays so.
        """
        ...

    def see(self, sighting: TagSighting) -> bool:
        """Note what a tag stands for; whether it may.

        The first digest may, and is kept. Any other one that was not accepted is an incident, kept once however often
        it is seen, while no more than `MOST_MOVES` of one tag wait to be accepted: whoever moves it on and on fills no
        disk.
        """
        ...

    def accept(self, reference: Reference, *, by: str, reason: str, at: datetime) -> Incident:
        """Let a tag stand for the digest that it moved to; `InvalidInput(incident_unknown)` when it did not."""
        ...

    def incidents(self) -> Sequence[Incident]:
        """Everything that happened, in its order."""
        ...


class IncidentOutbox(Protocol):
    """Incidents until everybody has heard of them; raises `Unavailable(tags_unavailable)` only."""

    def take_due(self, now: datetime) -> Sequence[PendingIncident]:
        """Those to tell now. Nobody else gets them for a while; what is not settled then is due again, ever later."""
        ...

    def mark_recorded(self, pending: PendingIncident) -> None:
        """The log has it."""
        ...

    def settle(self, pending: PendingIncident) -> None:
        """Everybody has heard of it."""
        ...

    def unheard(self) -> int:
        """How many were taken and are not settled: told in vain, or being told."""
        ...


class Owner(Protocol):
    """Somebody who hears of incidents."""

    def tell(self, incident: Incident, deadline: Deadline) -> None:
        """Tell of an incident, perhaps once more; `Unavailable(owner_unavailable)` when it was not heard."""
        ...
