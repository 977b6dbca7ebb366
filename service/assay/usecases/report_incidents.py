"""Incidents are told to those who have to hear of them: the log first, then the owner."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import DecisionKind, Finding, Severity, Stage, Status, Verdict
from assay.domain.errors import AssayError
from assay.domain.incident import Incident, IncidentKind, PendingIncident
from assay.formats.incident import describe_incident
from assay.ports.incident import IncidentOutbox, Owner
from assay.usecases.engine import Engine
from assay.usecases.notice import Notice, record_notice

FindOwner = Callable[[Incident], Owner | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDesk:
    """The outbox, who owns what, and the (tenant, environment) pairs whose part of the log hears of it."""

    outbox: IncidentOutbox
    find_owner: FindOwner
    scopes: Sequence[tuple[str, str]]


def report_incidents(engine: Engine, desk: IncidentDesk, deadline: Deadline) -> tuple[str, ...]:
    """Report what is due; why some of it could not be, empty when all of it could.

    What could not be reported stays due, so that nobody misses an incident; an owner may hear of one twice. Raises
    `Unavailable(tags_unavailable)`.
    """
    failures = (_report(engine, desk, pending, deadline) for pending in desk.outbox.take_due(engine.clock.now()))
    return tuple(failure for failure in failures if failure)


def _report(engine: Engine, desk: IncidentDesk, pending: PendingIncident, deadline: Deadline) -> str:
    incident = pending.incident
    try:
        if not pending.recorded:
            record_notice(engine, _notice(incident), desk.scopes, deadline)
            desk.outbox.mark_recorded(pending)
        owner = desk.find_owner(incident)
        if owner is not None:
            owner.tell(incident, deadline)
        desk.outbox.settle(pending)
    except AssayError as error:
        engine.metrics.count_failure(error.code)
        return error.message
    return ""


def _notice(incident: Incident) -> Notice:
    moved = incident.kind is IncidentKind.MOVED
    return Notice(
        kind=DecisionKind.INCIDENT,
        at=incident.at,
        by=incident.by,
        said=describe_incident(incident),
        finding=_find_move(incident) if moved else _find_acceptance(incident),
        verdict=Verdict.DENY if moved else Verdict.INDETERMINATE,
        artefacts=(Artefact(repository=incident.repository, digest=incident.found, tag=incident.tag),),
    )


def _find_move(incident: Incident) -> Finding:
    return Finding(
        code="tag_moved",
        status=Status.VIOLATION,
        severity=Severity.CRITICAL,
        stage=Stage.REQUEST,
        msg=f"{incident.repository}:{incident.tag} was first seen as {incident.known}, not as {incident.found}",
        image=str(incident.reference),
    )


def _find_acceptance(incident: Incident) -> Finding:
    return Finding(
        code="tag_accepted",
        status=Status.PASS,
        severity=Severity.CRITICAL,
        stage=Stage.REQUEST,
        msg=f"{incident.by} accepted that it moved from {incident.known}: {incident.reason}",
        image=str(incident.reference),
    )
