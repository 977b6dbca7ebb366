from dataclasses import dataclass, field, replace

import pytest

from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded
from assay.domain.errors import Unavailable
from assay.tlog.report import render_report
from assay.usecases.record import record_decision
from tests.fakes.decision import allowed, denied, image
from tests.fakes.leaf import render_leaf

NOW = Deadline(at=1, clock=lambda: 0)


@dataclass
class AnsweringLog:
    """A log that answers whatever it is asked with this."""

    answer: Recorded
    asked: list[tuple[Decision, Deadline]] = field(default_factory=list)

    def record(self, decision: Decision, deadline: Deadline) -> Recorded:
        self.asked.append((decision, deadline))
        return self.answer


def _recorded(decision: Decision) -> Recorded:
    leaf = render_leaf(decision, report=render_report(decision), salt=bytes(32), service_version="1")
    return Recorded(id=decision.id, leaf=leaf, index=0, proof="")


def test_the_record_of_this_very_decision_is_returned() -> None:
    for decision in (denied(), allowed()):
        log = AnsweringLog(_recorded(decision))
        assert record_decision(log, decision, NOW) == log.answer
        assert log.asked == [(decision, NOW)]


@pytest.mark.parametrize(
    "answer",
    [
        _recorded(denied(1)),
        replace(_recorded(denied(1)), id=denied(0).id),
        replace(_recorded(denied(0)), leaf=b"{}"),
        _recorded(replace(allowed(0), tenant="team-a")),
        _recorded(replace(denied(0), tenant="team-b")),
        _recorded(replace(denied(0), environment="test")),
        _recorded(replace(denied(0), artefacts=(image(content="another"),))),
    ],
)
def test_the_record_of_anything_else_is_no_answer(answer: Recorded) -> None:
    with pytest.raises(Unavailable) as caught:
        record_decision(AnsweringLog(answer), denied(0), NOW)
    assert caught.value.code == "log_unavailable"
