from dataclasses import dataclass, field, replace

import pytest

from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, DecisionKind, Recorded
from assay.domain.errors import Unavailable
from assay.usecases.record import record_decision
from tests.fakes.decision import allowed, denied

NOW = Deadline(at=1, clock=lambda: 0)


@dataclass
class AnsweringLog:
    """A log that answers whatever it is asked with this."""

    answer: Recorded
    asked: list[tuple[Decision, Deadline, bool]] = field(default_factory=list)

    def record(self, decision: Decision, deadline: Deadline, *, proven: bool = True) -> Recorded:
        self.asked.append((decision, deadline, proven))
        return self.answer


def _recorded(decision: Decision) -> Recorded:
    return Recorded(id=decision.id, leaf=b"{}", index=0, proof="")


@pytest.mark.parametrize("kind", DecisionKind)
def test_the_record_of_this_very_decision_is_returned(kind: DecisionKind) -> None:
    for decision in (replace(denied(), kind=kind), replace(allowed(), kind=kind)):
        log = AnsweringLog(_recorded(decision))
        assert record_decision(log, decision, NOW) == log.answer
        assert log.asked == [(decision, NOW, kind is DecisionKind.GATE)]


def test_the_record_of_anything_else_is_no_answer() -> None:
    with pytest.raises(Unavailable) as caught:
        record_decision(AnsweringLog(_recorded(denied(1))), denied(0), NOW)
    assert caught.value.code == "log_unavailable"
