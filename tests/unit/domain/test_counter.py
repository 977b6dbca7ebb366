import pytest

from assay.domain.counter import COUNTERS
from assay.domain.decision import Stage
from assay.domain.errors import InvalidInput

DOCUMENT: dict[str, object] = {
    "sbom": [{"packages": [{}, {}]}, {"packages": [{}]}],
    "signatures": [{}],
    "provenance": [],
}


def test_the_entries_of_the_document_are_counted() -> None:
    counts = {name: count(DOCUMENT) for name, count in COUNTERS[Stage.EVIDENCE].items()}
    assert counts == {"sboms": 2, "packages": 3, "signatures": 1, "provenance": 0}
    assert COUNTERS[Stage.REQUEST]["images"]({"images": [{}, {}]}) == 2


@pytest.mark.parametrize("table", [None, {}, "x", [1], [{}, None]])
def test_a_table_that_is_no_list_of_objects_is_an_error(table: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        COUNTERS[Stage.EVIDENCE]["packages"]({"sbom": table})
    assert caught.value.code == "policy_input_invalid"
