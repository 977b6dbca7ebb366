"""Notices: what happened beside the decisions, and stands in the same log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from assay.domain.artefact import Artefact
from assay.domain.compressed import Compressed
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, DecisionKind, Finding, Verdict
from assay.domain.errors import InvalidInput
from assay.domain.ulid import RANDOM_OCTETS, render_ulid
from assay.usecases.document import canonical
from assay.usecases.engine import Engine
from assay.usecases.record import record_decision

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What happened, when and by whom: `said` is all of it, `finding` what to read first. It allows nothing."""

    kind: DecisionKind
    at: datetime
    by: str
    said: Mapping[str, object]
    finding: Finding
    verdict: Verdict = Verdict.INDETERMINATE
    artefacts: tuple[Artefact, ...] = ()


def record_notice(engine: Engine, notice: Notice, scopes: Iterable[tuple[str, str]], deadline: Deadline) -> None:
    """Record a notice in the log, once for each (tenant, environment) that it concerns.

    Whoever records the same notice again adds nothing, whatever process it is. Raises what `record_decision` raises.
    """
    for tenant, environment in scopes:
        try:
            record_decision(engine.log, _decision(engine, notice, tenant, environment), deadline)
        except InvalidInput as error:
            if error.code != "decision_conflict":
                raise
            # It is in the log already, recorded under an earlier policy.


def _decision(engine: Engine, notice: Notice, tenant: str, environment: str) -> Decision:
    said = dict(notice.said)
    return Decision(
        id=_identifier(notice.at, canonical({**said, "tenant": tenant, "environment": environment})),
        kind=notice.kind,
        time=notice.at,
        tenant=tenant,
        environment=environment,
        artefacts=notice.artefacts,
        verdict=notice.verdict,
        retryable=False,
        dry_run=False,
        findings=(notice.finding,),
        gaps=(),
        rejected=(),
        evidence=(),
        source_commit="",
        policy=engine.identity(),
        document=Compressed.of(canonical({"evidence": [], "request": said})),
        preimage=canonical({"user": notice.by}),
    )


def _identifier(at: datetime, content: bytes) -> str:
    # The same notice has the same id in every process, so the log holds it once.
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    return render_ulid(milliseconds, sha256(content).digest()[:RANDOM_OCTETS])
