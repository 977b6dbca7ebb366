"""Namespaces as values."""

import pytest

from assay.domain.cluster import Namespace


def test_a_namespace_has_a_name() -> None:
    with pytest.raises(ValueError, match="has a name"):
        Namespace(name="", labels=())


@pytest.mark.parametrize("labels", [(("b", "1"), ("a", "1")), (("a", "1"), ("a", "2"))])
def test_labels_are_sorted_and_have_one_value_each(labels: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ValueError, match="sorted"):
        Namespace(name="team-a", labels=labels)


def test_a_namespace_with_sorted_labels_can_be_built() -> None:
    assert dict(Namespace(name="team-a", labels=(("a", "1"), ("b", "1"))).labels) == {"a": "1", "b": "1"}
