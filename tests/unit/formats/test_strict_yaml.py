"""Strict YAML: scalars stay text, surprises are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.formats.strict_yaml import parse_yaml


def test_scalars_stay_the_text_their_author_wrote() -> None:
    document = parse_yaml(b"a: no\nb: 1.10\nc: 0750\nd: 0o750\ne:\nf: [~, null, 2026-01-01]\n", what="it")
    assert document == {
        "a": "no",
        "b": "1.10",
        "c": "0750",
        "d": "0o750",
        "e": "",
        "f": ["~", "null", "2026-01-01"],
    }


@pytest.mark.parametrize(
    "text",
    [
        b"a: 1\na: 2\n",
        b"a: &x 1\nb: *x\n",
        b"a: !!python/object:os.system x\n",
        b"a: !!int 1\n",
        b"a: 1\n---\nb: 2\n",
        b"? [1]\n: 2\n",
        b"a: [1\n",
        b"\xff",
        b"a: " + b"[" * 40 + b"]" * 40,
        b"#" * (1024 * 1024 + 1),
    ],
)
def test_a_surprise_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_yaml(text, what="the file")
    assert caught.value.code == "yaml_malformed"
    assert "the file" in caught.value.message


def test_a_merge_key_is_an_ordinary_key() -> None:
    assert parse_yaml(b"<<: {a: 1}\nb: 2\n", what="it") == {"<<": {"a": "1"}, "b": "2"}


@given(st.binary(max_size=200))
def test_any_bytes_give_a_document_or_the_typed_error(octets: bytes) -> None:
    code = "yaml_malformed"
    try:
        parse_yaml(octets, what="it")
    except InvalidInput as error:
        code = error.code
    assert code == "yaml_malformed"
