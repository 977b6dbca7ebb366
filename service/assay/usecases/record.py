"""Recording: no decision is answered before the log has it."""

from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, DecisionKind, Recorded
from assay.domain.errors import Unavailable
from assay.ports import DecisionLog


def record_decision(log: DecisionLog, decision: Decision, deadline: Deadline) -> Recorded:
    """Record a decision and return where it is in the log, to the gate with the proof, which it hands on.

    Not checked: the proof, which whoever holds the log's key can check. Raises
    `Unavailable(log_unavailable | log_overloaded)`, also when the log answers with another decision, and the
    `InvalidInput` of a decision that cannot be recorded.
    """
    recorded = log.record(decision, deadline, proven=decision.kind is DecisionKind.GATE)
    if recorded.id != decision.id:
        raise Unavailable(
            "log_unavailable",
            f"the decision log answered {decision.id} with another decision",
            remedy="run workers and sequencer of one release, then repeat the call",
        )
    return recorded
