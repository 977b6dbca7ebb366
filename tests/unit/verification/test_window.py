"""Windows of time are closed intervals."""

import pytest

from assay.verification.window import Window
from tests.fakes.certificate import NOW, SECOND


def test_both_ends_belong_to_the_window_and_a_second_beyond_does_not() -> None:
    window = Window(start=NOW, end=NOW + SECOND)
    assert window.contains(NOW)
    assert window.contains(NOW + SECOND)
    assert not window.contains(NOW - SECOND)
    assert not window.contains(NOW + 2 * SECOND)


def test_an_open_end_contains_everything_on_its_side() -> None:
    assert Window().contains(NOW)
    assert Window(start=NOW).contains(NOW + 1000 * SECOND)
    assert not Window(start=NOW).contains(NOW - SECOND)
    assert Window(end=NOW).contains(NOW - 1000 * SECOND)
    assert not Window(end=NOW).contains(NOW + SECOND)


def test_a_window_that_ends_before_it_starts_is_refused_and_a_moment_is_not() -> None:
    assert Window(start=NOW, end=NOW).contains(NOW)
    with pytest.raises(ValueError, match="ends before"):
        Window(start=NOW, end=NOW - SECOND)


def test_a_window_surrounds_what_lies_between_its_ends() -> None:
    window = Window(start=NOW, end=NOW + 2 * SECOND)
    assert window.surrounds(NOW + SECOND)
    assert not window.surrounds(NOW)
    assert not window.surrounds(NOW + 2 * SECOND)
    assert Window().surrounds(NOW)
