"""The book of immutable tags in memory, and an owner who can be deaf."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput
from assay.domain.incident import Incident, IncidentKind, PendingIncident, TagSighting
from assay.domain.reference import Reference, Repository
from assay.ports.incident import MOST_MOVES, IncidentOutbox, Owner, TagBook

_Place = tuple[Repository, str]


@dataclass
class MemoryTagBook(TagBook, IncidentOutbox):
    """Keeps everything; `error` breaks every call, `asked` counts them."""

    error: AssayError | None = None
    asked: int = 0
    allowed: dict[_Place, list[Digest]] = field(default_factory=dict)
    happened: list[Incident] = field(default_factory=list)
    pending: dict[int, tuple[datetime, PendingIncident]] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    def _begin(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error

    def accepted(self, repository: Repository, tag: str) -> frozenset[Digest]:
        self._begin()
        return frozenset(self.allowed.get((repository, tag), ()))

    def see(self, sighting: TagSighting) -> bool:
        self._begin()
        allowed = self.allowed.setdefault((sighting.repository, sighting.tag), [sighting.digest])
        if sighting.digest in allowed:
            return True
        incident = Incident(
            kind=IncidentKind.MOVED,
            repository=sighting.repository,
            tag=sighting.tag,
            known=allowed[0],
            found=sighting.digest,
            at=sighting.at,
            by=sighting.witness.value,
            pushed=sighting.pushed,
        )
        moves = [item for item in self.happened if item.kind is IncidentKind.MOVED]
        moves = [item for item in moves if (item.repository, item.tag) == (sighting.repository, sighting.tag)]
        if len(moves) - (len(allowed) - 1) < MOST_MOVES and not any(
            item.reference == incident.reference for item in moves
        ):
            self._write(incident)
        return False

    def accept(self, reference: Reference, *, by: str, reason: str, at: datetime) -> Incident:
        self._begin()
        moved = [item for item in self.happened if item.reference == reference]
        if len(moved) != 1:
            raise InvalidInput("incident_unknown", f"no open incident about {reference}", remedy="name one")
        accepted = replace(moved[0], kind=IncidentKind.ACCEPTED, by=by, reason=reason, at=at, pushed=None)
        self._write(accepted)
        self.allowed[reference.repository, reference.tag].append(accepted.found)
        return accepted

    def incidents(self) -> Sequence[Incident]:
        self._begin()
        return list(self.happened)

    def take_due(self, now: datetime) -> Sequence[PendingIncident]:
        self._begin()
        due = [item for time, item in self.pending.values() if time <= now]
        for item in due:
            self.pending[item.number] = (now + timedelta(seconds=10), item)
            self.taken.add(item.number)
        return due

    def mark_recorded(self, pending: PendingIncident) -> None:
        self._begin()
        time, item = self.pending[pending.number]
        self.pending[pending.number] = (time, replace(item, recorded=True))

    def settle(self, pending: PendingIncident) -> None:
        self._begin()
        del self.pending[pending.number]

    def unheard(self) -> int:
        self._begin()
        return len(self.pending.keys() & self.taken)

    def _write(self, incident: Incident) -> None:
        self.happened.append(incident)
        number = len(self.happened)
        self.pending[number] = (incident.at, PendingIncident(number=number, incident=incident, recorded=False))


@dataclass
class AttentiveOwner(Owner):
    """Remembers what it heard; `error` makes it deaf."""

    error: AssayError | None = None
    heard: list[Incident] = field(default_factory=list)

    def tell(self, incident: Incident, deadline: Deadline) -> None:
        deadline.remaining("the test")
        if self.error is not None:
            raise self.error
        self.heard.append(incident)
