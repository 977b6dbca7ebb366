"""Paths to fields of Kubernetes objects."""

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.field_path import FieldPath, Place, Wildcard


def _select(path: str, document: object) -> list[tuple[str, object]]:
    return [(place.pointer, place.value) for place in FieldPath.parse(path).select(document)]


@pytest.mark.parametrize("text", ["spec", "spec.a-b_c.image", "spec.steps[*].image", "spec.pools.*.image", "a[*][*].*"])
def test_a_path_is_written_as_it_was_read(text: str) -> None:
    assert str(FieldPath.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        ".spec",
        "spec.",
        "spec..image",
        "[*].image",
        ".*.image",
        "*",
        "spec[0]",
        "spec[*]image",
        "spec.*image",
        "spec/image",
        "spec.1a",
        "spec image",
        "spec.\u0456mage",
        "a" * 257,
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        FieldPath.parse(text)
    assert caught.value.code == "field_path_malformed"


@pytest.mark.parametrize("steps", [(), (Wildcard.ITEMS,), (Wildcard.VALUES, "image")])
def test_a_path_that_begins_nowhere_cannot_be_built(steps: tuple[str | Wildcard, ...]) -> None:
    with pytest.raises(ValueError, match="begins with the name"):
        FieldPath(steps=steps)


def test_names_items_and_values_lead_to_every_place_in_order() -> None:
    document = {"spec": {"pools": {"b": [{"image": "1"}, {}], "a": [{"image": None}, {"image": "2"}]}}}

    assert _select("spec.pools.*[*].image", document) == [
        ("/spec/pools/b/0/image", "1"),
        ("/spec/pools/a/1/image", "2"),
    ]


@pytest.mark.parametrize("document", [{}, {"spec": None}, {"spec": {}}, {"spec": {"steps": []}}])
def test_what_is_absent_leads_nowhere(document: object) -> None:
    assert _select("spec.steps[*].image", document) == []


@pytest.mark.parametrize(
    ("path", "document", "words"),
    [
        ("spec.image", [], "the object"),
        ("spec.image", {"spec": "text"}, "/spec"),
        ("spec.steps[*]", {"spec": {"steps": {"image": "a"}}}, "/spec/steps"),
        ("spec.*.image", {"spec": [{"image": "a"}]}, "/spec"),
        ("spec.*.image", {"spec": {"SECRET": "a"}}, "/spec/*"),
    ],
)
def test_another_shape_than_the_path_expects_is_refused_without_quoting_it(
    path: str, document: object, words: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        _select(path, document)
    assert caught.value.code == "object_malformed"
    assert caught.value.message.startswith(f"{words} is not")


def test_keys_that_users_choose_are_escaped_in_pointers_and_absent_from_words() -> None:
    (place,) = FieldPath.parse("spec.*.image").select({"spec": {"a/b~c": {"image": "x"}}})
    assert place == Place(pointer="/spec/a~1b~0c/image", words="/spec/*/image", value="x")
