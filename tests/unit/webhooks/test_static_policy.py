"""The policy for the API server; `tests/e2e/test_static_policy.py` shows what it does there."""

import re
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_webhooks.static_policy import AllowedRegistries, render_static_policy

NONE: frozenset[str] = frozenset()


def rendered(*allowed: AllowedRegistries, templates: bool = True) -> dict[str, Any]:
    """The `spec` of the policy."""
    policy, _ = render_static_policy(allowed, exempt_namespaces=NONE, templates=templates)
    return cast("dict[str, Any]", policy["spec"])


def variable(spec: dict[str, Any], name: str) -> str:
    (expression,) = [each["expression"] for each in spec["variables"] if each["name"] == name]
    return str(expression)


def covers(prefix: str, image: str) -> bool:
    """Whether an image in canonical form is covered by a prefix."""
    expression = variable(rendered(AllowedRegistries(prefixes=(prefix,))), "allowed")
    (pattern,) = cast("list[str]", eval(expression, {}))  # noqa: S307  # a list of string literals, alike in both
    return re.search(pattern, image) is not None


def test_the_policy_and_its_binding_deny_and_fail_closed() -> None:
    policy, binding = cast(
        "tuple[dict[str, Any], dict[str, Any]]",
        render_static_policy([], exempt_namespaces=frozenset({"assay"}), templates=True),
    )
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert binding["spec"]["validationActions"] == ["Deny"]
    (expression,) = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert (expression["operator"], expression["values"]) == ("NotIn", ["assay"])


def test_templates_are_looked_at_only_when_they_are_pinned() -> None:
    pods, everything = (
        {
            plural
            for rule in rendered(templates=templates)["matchConstraints"]["resourceRules"]
            for plural in rule["resources"]
        }
        for templates in (False, True)
    )
    assert pods == {"pods", "pods/ephemeralcontainers"}
    assert {"cronjobs", "deployments", "podtemplates"} < everything
    assert variable(rendered(templates=False), "podSpec") == "dyn(object).spec"


def test_without_a_tenant_nothing_is_allowed() -> None:
    assert variable(rendered(), "allowed") == "[]"


def test_the_first_tenant_is_asked_first() -> None:
    spec = rendered(
        AllowedRegistries(names=("a", "b"), labels=(("tier", "x"),), prefixes=("r.test",)),
        AllowedRegistries(prefixes=("s.test",)),
        AllowedRegistries(names=("never",), prefixes=("t.test",)),
    )
    assert variable(spec, "allowed") == (
        'request.namespace in ["a", "b"] && namespaceObject.metadata.?labels[?"tier"].orValue(\'\') == "x" ? '
        '["^r\\\\.test/"] : ["^s\\\\.test/"]'
    )


@pytest.mark.parametrize(
    ("prefix", "image", "covered"),
    [
        ("r.test", "r.test/a@sha256:0", True),
        ("r.test", "r.test:5000/a@sha256:0", False),
        ("r.test", "r.test.evil/a@sha256:0", False),
        ("r.test", "evil/r.test/a@sha256:0", False),
        ("r.test", "rxtest/a@sha256:0", False),
        ("r.test/a", "r.test/a@sha256:0", True),
        ("r.test/a", "r.test/a:1@sha256:0", True),
        ("r.test/a", "r.test/a/b@sha256:0", True),
        ("r.test/a", "r.test/ab@sha256:0", False),
        ("r.test/a/", "r.test/a/b@sha256:0", True),
        ("r.test/a/", "r.test/a@sha256:0", False),
        ("r.test:", "r.test:5000/a@sha256:0", True),
    ],
)
def test_a_prefix_covers_what_the_rule_of_the_webhook_covers(prefix: str, image: str, *, covered: bool) -> None:
    assert covers(prefix, image) is covered


@given(st.text(min_size=1).filter(str.isprintable), st.text())
def test_no_prefix_covers_what_does_not_begin_with_it(prefix: str, image: str) -> None:
    assert not covers(prefix, image) or image.startswith(prefix)


@given(st.text(), st.text())
def test_text_of_the_configuration_stays_text(name: str, prefix: str) -> None:
    expression = variable(rendered(AllowedRegistries(names=(name,), prefixes=(prefix,))), "allowed")
    literals = re.findall(r'"(?:[^"\\]|\\.)*"', expression)
    assert re.sub(r'"(?:[^"\\]|\\.)*"', "T", expression) == "request.namespace in [T] ? [T] : []"
    assert len(literals) == 2
