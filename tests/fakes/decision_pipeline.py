"""A decision pipeline in memory, which records at once, later, never or not, or answers with something else."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded
from assay.domain.errors import InvalidInput
from tests.fakes.decision import identifier
from tests.fakes.leaf import leaf_for

Then = Callable[[Recorded | None], None]
OTHER = identifier(999_999)


class Manner(Enum):
    """What becomes of a decision."""

    AT_ONCE = "it is recorded before the call returns"
    LATER = "it is recorded when the test says so, which may be never"
    NOT = "it is not recorded, at once"
    OTHER = "another decision is said to be recorded"
    REFUSED = "it cannot be recorded"


@dataclass
class MemoryPipeline:
    """Keeps decisions and answers with real leaves, in the manner it is told.

    `asked` is what it was to record, `decisions` what it recorded, and `on_the_way` what is to be settled yet.
    """

    manner: Manner = Manner.AT_ONCE
    asked: list[Decision] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    on_the_way: list[tuple[Decision, Then]] = field(default_factory=list)

    def record_soon(self, decision: Decision, deadline: Deadline, then: Then) -> None:
        if deadline.at <= deadline.clock():
            then(None)
            return
        self.asked.append(decision)
        match self.manner:
            case Manner.AT_ONCE:
                then(self._record(decision))
            case Manner.OTHER:
                then(replace(self._record(decision), id=OTHER))
            case Manner.NOT:
                then(None)
            case Manner.REFUSED:
                raise InvalidInput("leaf_too_large", "the decision is too large", remedy="judge fewer images")
            case Manner.LATER:
                self.on_the_way.append((decision, then))

    def settle(self, *, recorded: bool = True) -> None:
        """Tell those that are on their way; a decision that is not recorded is None."""
        waiting, self.on_the_way = self.on_the_way, []
        for decision, then in waiting:
            then(self._record(decision) if recorded else None)

    def _record(self, decision: Decision) -> Recorded:
        self.decisions.append(decision)
        leaf = leaf_for(decision, salt=bytes(32))
        return Recorded(id=decision.id, leaf=leaf, index=len(self.decisions) - 1, proof="")
