"""What the HTTP interface is given; it builds nothing itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import request

from assay.domain.caller import Caller, Role
from assay.domain.deadline import Deadline
from assay.domain.gate import GateAnswer, GateQuestion
from assay.http.caller import CallerBook, require_role
from assay.ports import Clock, DecisionArchive
from assay.ports.metrics import Metrics

GateUse = Callable[[GateQuestion, Caller, Deadline], GateAnswer]
Readiness = Callable[[Deadline], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """The use cases and ports behind the interface.

    `readiness` names every part it looked at, with the reason why it is not ready or an empty text;
    `warnings` tells what works and needs somebody all the same.
    """

    gate: GateUse
    archive: DecisionArchive
    log_key: Callable[[], str]
    readiness: Readiness
    warnings: Callable[[], Sequence[str]]
    callers: CallerBook
    metrics: Metrics
    metrics_text: Callable[[], bytes]
    clock: Clock
    request_octets: int
    decision_seconds: float

    def identify_caller(self) -> Caller:
        """The caller of the current request."""
        return self.callers.identify(request.headers.get("Authorization"))

    def require_auditor(self) -> Caller:
        """The caller of the current request, who has the role `audit`."""
        caller = self.identify_caller()
        require_role(caller, Role.AUDIT)
        return caller

    def deadline(self) -> Deadline:
        """The deadline of the current request."""
        return Deadline.after(self.decision_seconds, self.clock.monotonic)
