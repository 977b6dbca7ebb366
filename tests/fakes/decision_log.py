"""A decision log in memory, which can be down or answer with something else."""

from collections.abc import Callable
from dataclasses import dataclass, field

from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded
from assay.domain.errors import AssayError
from tests.fakes.leaf import leaf_for


def _same(recorded: Recorded) -> Recorded:
    return recorded


@dataclass
class MemoryLog:
    """Keeps decisions and answers with real leaves; `proof` is a word, because nobody here checks it."""

    error: AssayError | None = None
    answer: Callable[[Recorded], Recorded] = _same
    decisions: list[Decision] = field(default_factory=list)

    def record(self, decision: Decision, deadline: Deadline, *, proven: bool = True) -> Recorded:
        deadline.remaining("the log")
        if self.error is not None:
            raise self.error
        self.decisions.append(decision)
        leaf = leaf_for(decision, salt=bytes(32))
        proof = "proof" if proven else ""
        return self.answer(Recorded(id=decision.id, leaf=leaf, index=len(self.decisions) - 1, proof=proof))
