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


def test_a_part_of_a_deadline_leaves_the_rest_to_later_steps() -> None:
    now = [100.0]
    deadline = Deadline.after(10.0, lambda: now[0])
    assert deadline.part(0.8).remaining("judging") == 8.0
    now[0] = 105.0
    part = deadline.part(0.8)
    assert part.remaining("judging") == 4.0
    now[0] = 109.0
    with pytest.raises(Unavailable):
        part.remaining("judging")
    assert deadline.remaining("recording") == 1.0


def test_a_part_of_a_deadline_that_is_over_is_over() -> None:
    now = [100.0]
    deadline = Deadline.after(1.0, lambda: now[0])
    now[0] = 102.0
    with pytest.raises(Unavailable):
        deadline.part(0.8).remaining("judging")
