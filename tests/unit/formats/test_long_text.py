"""Long texts are decoded from the bytes of a document, and nothing is read that a strict parser would refuse."""

import base64
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.formats.base64text import decode_base64
from assay.formats.long_text import cut_long_texts
from assay.formats.strict_json import parse_json

PAYLOAD = bytes(range(256)) * 1024
LONG = base64.b64encode(PAYLOAD).decode()
MALFORMED = "malformed"


def parse(octets: bytes, *, shortest: int = 64 * 1024) -> object:
    cut = cut_long_texts(octets, shortest=shortest)
    try:
        return parse_json(cut.rest, what="it", largest=10**8, texts=cut.texts)
    except InvalidInput:
        return MALFORMED


def decoded(value: object, *, longest: int) -> object:
    """What a document has to be once its long texts are bytes; `longest` are those that are left alone."""
    match value:
        case str() if len(value) > longest:
            try:
                return decode_base64(value, what="it", code="x")
            except InvalidInput:
                return value
        case dict():
            return {key: decoded(member, longest=longest) for key, member in value.items()}
        case list():
            return [decoded(item, longest=longest) for item in value]
        case _:
            return value


def has_long_key(value: object) -> bool:
    match value:
        case dict():
            return any(len(key) > 3 or has_long_key(member) for key, member in value.items())
        case list():
            return any(has_long_key(item) for item in value)
        case _:
            return False


def test_a_long_text_arrives_as_bytes_and_everything_else_as_it_is() -> None:
    document = {"a": LONG, "b": ["x", LONG, {"c": LONG}], "d": "short"}
    expected = {"a": PAYLOAD, "b": ["x", PAYLOAD, {"c": PAYLOAD}], "d": "short"}
    assert parse(json.dumps(document).encode()) == expected
    assert parse(json.dumps(document, indent=1).encode()) == expected


def test_a_short_document_is_left_alone() -> None:
    octets = json.dumps({"a": "QUJD" * 1000}).encode()
    assert cut_long_texts(octets).rest is octets


def test_padding_may_be_escaped_as_java_does() -> None:
    text = LONG.replace("=", "\\u003d")
    assert text.endswith("\\u003d\\u003d")
    assert parse(f'{{"a":"{text}"}}'.encode()) == {"a": PAYLOAD}


@pytest.mark.parametrize(
    "text", [LONG + "\\n", LONG + "é", LONG + "=", LONG[:-2] + "-_", LONG + "\\\\u003d", "\\/" + LONG]
)
def test_a_long_text_that_is_not_plain_base64_stays_where_it_is(text: str) -> None:
    octets = f'{{"a":"{text}"}}'.encode()
    assert cut_long_texts(octets).texts == ()
    assert parse(octets) == json.loads(octets)


@pytest.mark.parametrize(
    "octets",
    [
        f'{{"a":"x\\\\"{LONG}","  ,"p":1,"z":" "}}',
        f'{{"a":"x\\\\"{LONG}","  ,"p":-Infinity,"z":" "}}',
        f'{{"a":-Infinity,"b":"{LONG}"}}',
        f'{{"a":NaN,"b":"{LONG}"}}',
        f'{{"a":"{LONG}',
        f'["{LONG}""{LONG}"]',
        f'"x"{LONG}"y"',
        LONG,
        f'{{"a":"{LONG}","a":1}}',
    ],
)
def test_what_is_not_json_is_refused_with_a_long_text_too(octets: str) -> None:
    with pytest.raises(InvalidInput):
        parse_json(octets.encode(), what="it", largest=10**8)
    assert parse(octets.encode()) == MALFORMED


def test_a_long_text_is_no_key() -> None:
    assert parse(f'{{"{LONG}":1}}'.encode()) == MALFORMED
    assert parse(f'{{"a":"{LONG}"}}'.encode()) == {"a": PAYLOAD}


def test_the_mark_in_a_string_is_a_string() -> None:
    assert parse(f'{{"a":"-Infinity","b":"{LONG}"}}'.encode()) == {"a": "-Infinity", "b": LONG}


PIECES = st.sampled_from(
    ['"', "\\", "[", "]", "{", "}", ":", ",", "A" * 8, "QUJD" * 4, "=", "é", "-Infinity", "NaN", " ", "x"]
)


@given(st.lists(PIECES, max_size=24).map("".join))
def test_cutting_never_makes_a_document_of_what_is_none(text: str) -> None:
    try:
        strict = parse_json(text.encode(), what="it", largest=10**6)
    except InvalidInput:
        assert parse(text.encode(), shortest=4) == MALFORMED
    else:
        found = parse(text.encode(), shortest=4)
        expected = decoded(strict, longest=3)
        assert (decoded(found, longest=3) == expected) or (found == MALFORMED and has_long_key(strict))


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.integers(-9, 9),
        st.text(max_size=9),
        st.binary(max_size=40).map(base64.b64encode).map(bytes.decode),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=12,
)


@given(JSON)
def test_every_document_is_read_with_its_long_texts(document: object) -> None:
    found = parse(json.dumps(document, ensure_ascii=False).encode(), shortest=8)
    assert decoded(found, longest=7) == decoded(document, longest=7)
    assert LONG not in str(found)


def test_a_long_text_takes_no_more_memory_than_what_it_holds() -> None:
    octets = json.dumps({"a": base64.b64encode(bytes(3_000_000)).decode()}).encode()
    tracemalloc.start()
    parse(octets)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000
