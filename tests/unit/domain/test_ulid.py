import pytest

from assay.domain.ulid import is_ulid, render_ulid


def test_a_ulid_has_the_form_of_its_specification() -> None:
    assert render_ulid(0, bytes(10)) == "0" * 26
    assert render_ulid(2**48 - 1, b"\xff" * 10) == "7" + "Z" * 25
    assert render_ulid(1469918176385, bytes(10))[:10] == "01ARYZ6S41"


def test_ulids_sort_by_time() -> None:
    assert render_ulid(1, b"\xff" * 10) < render_ulid(2, bytes(10))


@pytest.mark.parametrize(("milliseconds", "octets"), [(-1, 10), (2**48, 10), (0, 9), (0, 11)])
def test_a_time_or_randomness_of_another_size_is_refused(milliseconds: int, octets: int) -> None:
    with pytest.raises(ValueError, match="48 bits"):
        render_ulid(milliseconds, bytes(octets))


@pytest.mark.parametrize("text", ["", "0" * 25, "0" * 27, "8" + "0" * 25, "0" * 25 + "I", "0" * 25 + "a"])
def test_what_is_no_ulid_is_told_apart(text: str) -> None:
    assert not is_ulid(text)
    assert is_ulid("01ARYZ6S41TSV4RRFFQ69G5FAV")
