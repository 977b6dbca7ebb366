"""Recording that the webhook was disarmed or armed."""

from collections.abc import Iterable

from assay.domain.arming import Action, Change
from assay.domain.deadline import Deadline
from assay.domain.decision import DecisionKind, Finding, Severity, Stage, Status
from assay.usecases.engine import Engine
from assay.usecases.notice import Notice, record_notice


def record_arming(engine: Engine, change: Change, scopes: Iterable[tuple[str, str]], deadline: Deadline) -> None:
    """Record a change in the log, once for each (tenant, environment) whose cluster it was.

    The verdict is indeterminate: while the webhook is disarmed, nothing is decided. Raises what `record_notice` raises.
    """
    said = {
        "action": change.action.value,
        "at": change.at.isoformat(),
        "by": change.by,
        "reason": change.reason,
    }
    notice = Notice(kind=DecisionKind.ARMING, at=change.at, by=change.by, said=said, finding=_finding(change))
    record_notice(engine, notice, scopes, deadline)


def _finding(change: Change) -> Finding:
    if change.action is Action.ARM:
        return Finding(
            code="webhook_armed",
            status=Status.PASS,
            severity=Severity.LOW,
            stage=Stage.REQUEST,
            msg=change.reason,
        )
    return Finding(
        code="webhook_disarmed",
        status=Status.WARNING,
        severity=Severity.CRITICAL,
        stage=Stage.REQUEST,
        msg=change.reason,
    )
