"""What the service counts itself."""

import pytest

from assay.domain.counter import COUNTERS, entries
from assay.domain.decision import Stage
from assay.domain.errors import InvalidInput

DOCUMENT: dict[str, object] = {
    "signatures": [{}],
    "provenance": [{}, {}],
    "sbom": [{"packages": [{}, {}]}, {"packages": [{}]}],
    "images": [{}, {}, {}, {}],
    "request": {"k8s": {"pods": [{}, {}, {}, {}, {}]}},
}


def test_every_counter_counts_its_table() -> None:
    counted = {name: count(DOCUMENT) for counters in COUNTERS.values() for name, count in counters.items()}
    assert counted == {"signatures": 1, "provenance": 2, "sboms": 2, "packages": 3, "images": 4, "pods": 5}


def test_no_counter_serves_two_stages() -> None:
    assert not set(COUNTERS[Stage.EVIDENCE]) & set(COUNTERS[Stage.REQUEST])


@pytest.mark.parametrize("table", [None, {}, "x", [1]])
def test_a_table_of_another_type_is_refused(table: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        entries({"sbom": table}, "sbom")
    assert caught.value.code == "policy_input_invalid"


@pytest.mark.parametrize("request_", [None, "x", {}, {"k8s": []}, {"k8s": {"pods": None}}])
def test_a_request_without_pods_to_count_is_refused(request_: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        COUNTERS[Stage.REQUEST]["pods"]({"request": request_})
    assert caught.value.code == "policy_input_invalid"
