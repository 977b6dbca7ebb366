"""Canonical JSON is that of RFC 8785, however it is spelled."""

from enum import StrEnum

import pytest

from assay.tlog.canonical import render_canonical


class Word(StrEnum):
    ALLOW = "allow"


@pytest.mark.parametrize(
    ("document", "canonical"),
    [
        ({"b": 1, "a": [True, None, 'é\n\u001f\\"/']}, '{"a":[true,null,"é\\n\\u001f\\\\\\"/"],"b":1}'),
        ({"word": Word.ALLOW, "pair": (1, -2)}, '{"pair":[1,-2],"word":"allow"}'),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'),
        ([1.0, 1e21, 0.5], "[1,1e+21,0.5]"),
        ({}, "{}"),
        ({"largest": 2**53 - 1}, '{"largest":9007199254740991}'),
    ],
)
def test_every_document_has_the_spelling_of_the_specification(document: object, canonical: str) -> None:
    assert render_canonical(document) == canonical.encode()


@pytest.mark.parametrize("value", ["\ud800", 2**53, float("nan"), b"octets", {1: "one"}, {"\ud800": 1}, [object()]])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no canonical JSON form"):
        render_canonical({"value": value})
