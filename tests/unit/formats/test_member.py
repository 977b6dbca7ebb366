"""Closed JSON objects: every member is read or refused, and the place is named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.formats.member import Members


def members(value: object) -> Members:
    return Members(value, place="request", code="request_invalid")


def test_members_are_read_with_their_types() -> None:
    root = members(
        {"text": "a", "flag": False, "number": 7, "none": None, "octets": "YQ==", "list": ["YQ=="], "inner": {"x": "y"}}
    )
    assert (root.text("text"), root.text("gone", "default"), root.flag("flag")) == ("a", "default", False)
    assert (root.integer("number"), root.optional_integer("none")) == (7, None)
    assert (root.octets("octets"), root.octets_list("list")) == (b"a", (b"a",))
    inner = root.section("inner")
    assert inner.text("x") == "y"
    inner.finish()
    root.finish()


def test_an_optional_number_may_be_one() -> None:
    assert members({"next": 3}).optional_integer("next") == 3


@pytest.mark.parametrize("value", [{}, {"next": -1}, {"next": True}, {"next": "3"}, {"next": 1.5}])
def test_an_optional_number_must_be_written_as_number_or_null(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        members(value).optional_integer("next")
    assert caught.value.code == "request_invalid"
    assert "request.next" in caught.value.message


def test_a_text_has_a_longest_length() -> None:
    assert members({"a": "x" * 5}).text("a", longest=5) == "xxxxx"
    with pytest.raises(InvalidInput, match=r"request\.a"):
        members({"a": "x" * 6}).text("a", longest=5)


def test_the_place_of_an_inner_member_is_named() -> None:
    inner = next(members({"items": [{}]}).sections("items"))
    with pytest.raises(InvalidInput, match=r"request\.items\[0\]\.code"):
        inner.text("code")


def test_a_member_that_nobody_read_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"request\.surprise: unknown member"):
        members({"surprise": 1}).finish()


@given(
    st.dictionaries(
        st.sampled_from(["a", "b"]), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.none())
    )
)
def test_any_object_gives_values_or_the_typed_error(value: dict[str, object]) -> None:
    for read in ("text", "flag", "integer", "optional_integer", "octets", "octets_list", "texts", "paths", "section"):
        root = members(json.loads(json.dumps(value)))
        code = "request_invalid"
        try:
            getattr(root, read)("a")
            root.finish()
        except InvalidInput as error:
            code = error.code
        assert code == "request_invalid"
