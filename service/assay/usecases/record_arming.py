"""Recording that the webhook was disarmed or armed."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from assay.domain.arming import Action, Change
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, DecisionKind, Finding, Severity, Stage, Status, Verdict
from assay.domain.errors import InvalidInput
from assay.domain.ulid import RANDOM_OCTETS, render_ulid
from assay.usecases.document import canonical
from assay.usecases.engine import Engine
from assay.usecases.record import record_decision

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def record_arming(engine: Engine, change: Change, scopes: Iterable[tuple[str, str]], deadline: Deadline) -> None:
    """Record a change in the log, once for each (tenant, environment) whose cluster it was.

    The verdict is indeterminate: while the webhook is disarmed, nothing is decided. Whoever records the same change
    again adds nothing, whatever process it is. Raises what `record_decision` raises.
    """
    for tenant, environment in scopes:
        try:
            record_decision(engine.log, _decision(engine, change, tenant, environment), deadline)
        except InvalidInput as error:
            if error.code != "decision_conflict":
                raise
            # It is in the log already, recorded under an earlier policy.


def _decision(engine: Engine, change: Change, tenant: str, environment: str) -> Decision:
    said: dict[str, object] = {
        "action": change.action.value,
        "at": change.at.isoformat(),
        "by": change.by,
        "reason": change.reason,
    }
    return Decision(
        id=_identifier(change, canonical({**said, "tenant": tenant, "environment": environment})),
        kind=DecisionKind.ARMING,
        time=change.at,
        tenant=tenant,
        environment=environment,
        artefacts=(),
        verdict=Verdict.INDETERMINATE,
        retryable=False,
        dry_run=False,
        findings=(_finding(change),),
        gaps=(),
        rejected=(),
        evidence=(),
        source_commit="",
        policy=engine.identity(),
        document=canonical({"evidence": [], "request": said}),
        preimage=canonical({"user": change.by}),
    )


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


def _identifier(change: Change, content: bytes) -> str:
    # The same change has the same id in every process, so the log holds it once.
    milliseconds = (change.at - _EPOCH) // timedelta(milliseconds=1)
    return render_ulid(milliseconds, sha256(content).digest()[:RANDOM_OCTETS])
