"""DER: one spelling for every value."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.formats.der import read_elements
from tests.fakes.der import tlv

ELEMENTS = st.lists(
    st.tuples(st.sampled_from([0x04, 0x05, 0x30, 0x31, 0xA0, 0x80]), st.binary(max_size=300)), max_size=5
)


@given(ELEMENTS)
def test_what_was_written_is_read(elements: list[tuple[int, bytes]]) -> None:
    octets = b"".join(tlv(tag, content) for tag, content in elements)
    found = read_elements(octets)
    assert [(element.tag, element.content) for element in found] == elements
    assert b"".join(element.raw for element in found) == octets


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(octets: bytes) -> None:
    with suppress(InvalidInput):
        assert b"".join(element.raw for element in read_elements(octets)) == octets


@pytest.mark.parametrize(
    "octets",
    [
        b"\x04",
        b"\x04\x01",
        b"\x04\x80\x00\x00",
        b"\x04\x81\x01a",
        b"\x04\x82\x00\x80" + bytes(128),
        b"\x04\x85\x00\x00\x00\x00\x01a",
        b"\x1f\x81\x01\x00",
        b"\x04\x82\x01",
    ],
)
def test_another_spelling_is_refused(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_elements(octets)
    assert caught.value.code == "der_malformed"
    assert read_elements(b"\x04\x81\x80" + bytes(128))[0].content == bytes(128)


@pytest.mark.parametrize(
    ("tag", "content", "usable"),
    [
        (0x02, b"\x00", True),
        (0x02, b"\x00\x80", True),
        (0x02, b"\x00\x7f", False),
        (0x02, b"\xff", True),
        (0x02, b"\xff\x80", False),
        (0x02, b"", False),
        (0x06, b"\x2a\x86\x48", True),
        (0x06, b"\x2a\x86", False),
        (0x06, b"\x2a\x80\x01", False),
        (0x06, b"", False),
    ],
)
def test_numbers_have_one_spelling(tag: int, content: bytes, *, usable: bool) -> None:
    if usable:
        assert read_elements(tlv(tag, content))[0].content == content
        return
    with pytest.raises(InvalidInput) as caught:
        read_elements(tlv(tag, content))
    assert caught.value.code == "der_malformed"


def test_more_elements_than_allowed_are_not_read() -> None:
    assert len(read_elements(b"\x05\x00" * 3, most=3)) == 3
    with pytest.raises(InvalidInput) as caught:
        read_elements(b"\x05\x00" * 4, most=3)
    assert caught.value.code == "der_malformed"
    (outer,) = read_elements(tlv(0x30, b"\x05\x00" * 2))
    assert len(outer.members(most=2)) == 2
