"""Whose policy applies to a namespace."""

import pytest

from assay.domain.cluster import Namespace
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.tenancy import Tenancy, TenantRule, find_tenancy

BY_NAME = TenantRule(tenant="shop", environment="prod", names=frozenset({"shop", "cart"}))
BY_LABEL = TenantRule(tenant="lab", environment="test", labels=(("stage", "test"), ("team", "lab")))
BY_BOTH = TenantRule(tenant="both", environment="prod", names=frozenset({"x"}), labels=(("team", "both"),))
ANY = TenantRule(tenant="rest", environment="prod")


def _labelled(**labels: str) -> Namespace:
    return Namespace(name="x", labels=tuple(sorted(labels.items())))


def _unknown(name: str) -> Namespace:
    raise Unavailable("namespace_unknown", name, remedy="repeat")


def _tenant(*rules: TenantRule, name: str = "x", **labels: str) -> str:
    return find_tenancy(rules, name, lambda _: _labelled(**labels)).tenant


def test_the_first_rule_that_matches_counts() -> None:
    assert _tenant(BY_NAME, ANY, name="cart") == "shop"
    assert _tenant(ANY, BY_NAME, name="cart") == "rest"
    assert _tenant(BY_NAME, BY_LABEL, ANY, team="lab", stage="test") == "lab"


def test_every_label_of_a_rule_must_stand_in_the_namespace() -> None:
    assert _tenant(BY_LABEL, ANY, team="lab") == "rest"
    assert _tenant(BY_LABEL, ANY, team="lab", stage="prod") == "rest"
    assert _tenant(BY_LABEL, ANY, team="lab", stage="test", more="x") == "lab"


def test_a_rule_with_names_and_labels_needs_both() -> None:
    assert _tenant(BY_BOTH, ANY, team="both") == "both"
    assert _tenant(BY_BOTH, ANY, team="other") == "rest"
    assert _tenant(BY_BOTH, ANY, name="y", team="both") == "rest"


def test_a_namespace_of_nobody_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        _tenant(BY_NAME, BY_LABEL)
    assert caught.value.code == "namespace_unmatched"
    assert _tenant(BY_NAME, BY_LABEL, ANY) == "rest"


def test_rules_by_name_hold_while_the_cluster_cannot_be_asked() -> None:
    assert find_tenancy((BY_NAME, BY_LABEL), "shop", _unknown).tenant == "shop"
    assert find_tenancy((BY_BOTH, ANY), "y", _unknown).tenant == "rest"
    with pytest.raises(Unavailable) as caught:
        find_tenancy((BY_LABEL, ANY), "y", _unknown)
    assert caught.value.code == "namespace_unknown"


def test_without_a_cluster_nothing_is_known_of_labels() -> None:
    assert find_tenancy((BY_NAME, BY_LABEL), "shop", None).tenant == "shop"
    with pytest.raises(Unavailable) as caught:
        find_tenancy((BY_LABEL, ANY), "x", None)
    assert caught.value.code == "namespace_unknown"


def test_the_labels_are_told_when_the_tenant_was_found_by_them() -> None:
    namespace = _labelled(team="lab", stage="test")

    assert find_tenancy((BY_LABEL,), "x", lambda _: namespace) == Tenancy(
        tenant="lab", environment="test", namespace_labels=namespace.labels
    )
    assert find_tenancy((BY_LABEL, BY_NAME), "shop", lambda _: _labelled()).namespace_labels == ()
