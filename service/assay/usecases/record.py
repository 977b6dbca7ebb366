"""Recording: no decision is answered before the log has it."""

from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.record import RecordedImage
from assay.ports import DecisionLog
from assay.tlog.leaf import parse_leaf


def record_decision(log: DecisionLog, decision: Decision, deadline: Deadline) -> Recorded:
    """Record a decision and return the proof that it is in the log.

    Guaranteed: the returned leaf names this decision's id, verdict, tenant, environment and images. Not checked: the
    proof, which whoever holds the log's key can check. Raises `Unavailable(log_unavailable | log_overloaded)`, also
    when the log answers with another decision, and the `InvalidInput` of a decision that cannot be recorded.
    """
    recorded = log.record(decision, deadline)
    if recorded.id != decision.id or not _is_leaf_of(recorded.leaf, decision):
        raise Unavailable(
            "log_unavailable",
            f"the decision log answered {decision.id} with another decision",
            remedy="run workers and sequencer of one release, then repeat the call",
        )
    return recorded


def _is_leaf_of(octets: bytes, decision: Decision) -> bool:
    try:
        leaf = parse_leaf(octets)
    except InvalidInput:
        return False
    images = {RecordedImage(name=item.repository.name, digest=item.digest) for item in decision.artefacts}
    said = (leaf.id, leaf.verdict, leaf.tenant, leaf.environment, set(leaf.images))
    return said == (decision.id, decision.verdict, decision.tenant, decision.environment, images)
