"""A decision log in memory, which can be down or answer with something else."""

from collections.abc import Callable
from dataclasses import dataclass, field

from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded
from assay.domain.errors import AssayError
from assay.tlog.report import render_report
from tests.fakes.leaf import render_leaf


def _same(recorded: Recorded) -> Recorded:
    return recorded


@dataclass
class MemoryLog:
    """Keeps decisions and answers with real leaves; `proof` is a word, because nobody here checks it."""

    error: AssayError | None = None
    answer: Callable[[Recorded], Recorded] = _same
    decisions: list[Decision] = field(default_factory=list)

    def record(self, decision: Decision, deadline: Deadline) -> Recorded:
        deadline.remaining("the log")
        if self.error is not None:
            raise self.error
        self.decisions.append(decision)
        leaf = render_leaf(decision, report=render_report(decision), salt=bytes(32), service_version="0.1.0")
        return self.answer(Recorded(id=decision.id, leaf=leaf, index=len(self.decisions) - 1, proof="proof"))
