import json
import time

import pytest

from assay.domain.errors import InvalidInput
from assay.formats.strict_json import parse_json


def parse(octets: bytes) -> object:
    return parse_json(octets, what="the document", largest=1_000_000)


def refusal(octets: bytes, *, largest: int = 1_000_000, depth: int = 64, structure: int = 1000) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_json(octets, what="the document", largest=largest, depth=depth, structure=structure)
    assert caught.value.message.startswith("the document ")
    return caught.value.code


@pytest.mark.parametrize(
    "document",
    [{"a": 1, "b": [True, None, 1.5, "x"]}, [], "text", 0, -(2**63) + 1, 2**63 - 1, {"a": {"a": {"a": '\\"{[,:]}'}}}],
)
def test_strict_json_is_read(document: object) -> None:
    assert parse(json.dumps(document).encode()) == document


def test_escaped_quotes_and_backslashes_do_not_confuse_the_measure() -> None:
    text = b'{"a\\\\": "\\"[[[[[\\\\", "b": "\\\\\\"{{{{{"}'
    assert parse_json(text, what="the document", largest=100, depth=1) == json.loads(text)


@pytest.mark.parametrize(
    "octets",
    [
        b'{"a":1,"a":1}',
        b'[{"x":{"a":1,"b":2,"a":3}}]',
        b'{"a":1,"\\u0061":1}',
    ],
)
def test_a_duplicate_key_is_refused_at_every_level(octets: bytes) -> None:
    assert refusal(octets) == "json_malformed"


@pytest.mark.parametrize("octets", [b"NaN", b"[Infinity]", b'{"a":-Infinity}', b"1e999", b"[-1e999]"])
def test_a_number_that_is_not_finite_is_refused(octets: bytes) -> None:
    assert refusal(octets) == "json_malformed"


@pytest.mark.parametrize("octets", [b"9223372036854775808", b"[-9223372036854775808]", b"1" * 5000])
def test_an_integer_out_of_range_is_refused(octets: bytes) -> None:
    assert refusal(octets) == "json_malformed"


@pytest.mark.parametrize(
    "octets",
    [
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b"{}x",
        b"",
        b" ",
        b'{"a":1,}',
        b"{'a':1}",
        b'"\xff"',
        b'"\x01"',
        b"\xff\xfe{\x00}\x00",
        b"{}\x00",
        b'"unterminated',
        b'"\\',
        b'\\"[[',
        b"01",
        b"[1 2]",
    ],
)
def test_what_is_not_one_json_document_is_refused(octets: bytes) -> None:
    assert refusal(octets) == "json_malformed"


@pytest.mark.parametrize(
    "octets",
    [b'"\\ud800"', b'["\\uDC00"]', b'{"\\ud83d":1}', b'{"a":[{"b":["\\udfff"]}]}', b'["\\ude00\\ud83d"]'],
)
def test_a_lone_surrogate_is_refused_wherever_it_stands(octets: bytes) -> None:
    assert refusal(octets) == "json_malformed"


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse(b'[{"a":"\\ud83d\\ude00", "b":1}]') == [{"a": "\U0001f600", "b": 1}]


def test_nesting_is_refused_one_level_beyond_the_limit() -> None:
    assert parse_json(b'[{"a":[]}]', what="the document", largest=100, depth=3) == [{"a": []}]
    assert refusal(b'[{"a":[]}]', depth=2) == "json_malformed"


def test_nesting_that_exhausts_the_interpreter_is_refused() -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    assert refusal(deep, depth=10**6, structure=10**6) == "json_malformed"


def test_size_is_refused_one_byte_beyond_the_limit() -> None:
    assert parse_json(b"[1,2]", what="the document", largest=5) == [1, 2]
    assert refusal(b"[1,2]", largest=4) == "json_too_large"


def test_structure_is_refused_one_character_beyond_the_limit() -> None:
    text = b'{"a":[1,2]}'
    assert parse_json(text, what="the document", largest=100, structure=4) == {"a": [1, 2]}
    assert refusal(text, structure=3) == "json_too_large"


def test_structural_characters_count_in_strings_too() -> None:
    text = b'["{[,:}]"]'
    assert parse_json(text, what="the document", largest=100, structure=5) == ["{[,:}]"]
    assert refusal(text, structure=4) == "json_too_large"


@pytest.mark.parametrize("octets", [b'"' + b'\\"' * 2_000_000, b'"' * 4_000_000, b'{"a":"' + b"\\\\" * 2_000_000])
def test_a_hostile_document_costs_linear_time(octets: bytes) -> None:
    started = time.process_time()
    with pytest.raises(InvalidInput):
        parse_json(octets, what="the document", largest=10_000_000)
    assert time.process_time() - started < 2


def test_a_mark_stands_for_a_value_that_was_taken_out() -> None:
    text = b'{"a":[-Infinity,1],"b":-Infinity}'
    assert parse_json(text, what="it", largest=100, texts=(b"x", b"y")) == {"a": [b"x", 1], "b": b"y"}


@pytest.mark.parametrize(
    "octets", [b"[-Infinity]", b"[-Infinity,-Infinity,-Infinity]", b"[Infinity,-Infinity]", b"[NaN,-Infinity]"]
)
def test_marks_and_values_belong_together(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_json(octets, what="it", largest=100, texts=(b"x", b"y"))
    assert caught.value.code == "json_malformed"


@pytest.mark.parametrize("value", ["[]", "{}", '{"a":1}', "[1]"])
def test_every_container_is_a_level(value: str) -> None:
    nested = f'[{{"a":[1,{value}],"b":{{}}}},[],[]]'.encode()
    assert parse_json(nested, what="the document", largest=100, depth=4) == json.loads(nested)
    assert refusal(nested, depth=3) == "json_malformed"
