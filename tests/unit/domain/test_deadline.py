import pytest

from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable


def test_a_deadline_counts_down_and_then_fails() -> None:
    now = [100.0]
    deadline = Deadline.after(2.0, lambda: now[0])
    assert deadline.remaining("the registry") == 2.0
    now[0] = 101.5
    assert deadline.remaining("the registry") == 0.5
    now[0] = 102.0
    with pytest.raises(Unavailable) as caught:
        deadline.remaining("the registry")
    assert caught.value.code == "deadline_exceeded"
    assert "the registry" in caught.value.message
