"""Predicate parsers: any JSON object gives a value or a typed error."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.formats.cyclonedx import parse_cyclonedx
from assay.formats.provenance import parse_provenance
from assay.formats.spdx import parse_spdx
from tests.fakes.policy import changed, paths, provenance_predicate, spdx_predicate

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)
CODES = {"sbom_malformed", "sbom_unsupported", "provenance_malformed", "evidence_limit"}
CYCLONEDX: dict[str, object] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"component": {"type": "application", "name": "app"}},
    "components": [{"type": "library", "name": "a", "bom-ref": "a", "licenses": [{"license": {"id": "MIT"}}]}],
    "dependencies": [{"ref": "a", "dependsOn": []}],
}
PARSERS: list[tuple[dict[str, object], Callable[[dict[str, object]], object]]] = [
    (spdx_predicate("MIT", "ISC"), lambda value: parse_spdx(value, most_packages=5)),
    (CYCLONEDX, lambda value: parse_cyclonedx(value, most_packages=5)),
    (provenance_predicate(), lambda value: parse_provenance(value, most_materials=5)),
]


def outcome(parse: Callable[[dict[str, object]], object], document: object) -> str:
    """The code of the error, or that there was a value."""
    try:
        parse(document)  # type: ignore[arg-type]  # the root stays an object
    except InvalidInput as error:
        return error.code
    return "value"


@pytest.mark.parametrize(("good", "parse"), PARSERS, ids=["spdx", "cyclonedx", "provenance"])
@given(data=st.data())
def test_a_changed_document_gives_a_value_or_a_typed_error(
    good: dict[str, object], parse: Callable[[dict[str, object]], object], data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sorted(paths(good), key=str)))
    value = data.draw(JSON)
    assert outcome(parse, changed(good, path, lambda _: value)) in CODES | {"value"}


@pytest.mark.parametrize(("good", "parse"), PARSERS, ids=["spdx", "cyclonedx", "provenance"])
@given(noise=st.dictionaries(st.text(max_size=5), JSON, max_size=3))
def test_an_arbitrary_object_gives_a_typed_error_and_added_members_none(
    good: dict[str, object], parse: Callable[[dict[str, object]], object], noise: dict[str, object]
) -> None:
    assert parse({**noise, **good}) == parse(good)
    with pytest.raises(InvalidInput) as caught:
        parse(noise)
    assert caught.value.code in CODES
