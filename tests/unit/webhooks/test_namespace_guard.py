"""The policy that keeps exempt names; `tests/e2e/test_static_policy.py` shows what it does there."""

from dataclasses import replace
from typing import Any, cast

from assay_webhooks.manifest import make_manifest
from assay_webhooks.namespace_guard import GUARD_NAME, render_namespace_guard
from tests.fakes.webhook_manifest import BUNDLE, GUARD

URL = "https://127.0.0.1:8743"


def names(**options: Any) -> list[str]:
    """The names of what is registered."""
    documents = make_manifest(replace(GUARD, **options), URL, BUNDLE, disarmed=None, static_policy=True)
    return [cast("dict[str, Any]", document)["metadata"]["name"] for document in documents]


def test_the_policy_and_its_binding_deny_creation_and_fail_closed() -> None:
    rendered = render_namespace_guard(frozenset({"kube-system", "assay"}), creators="system:masters")
    policy, binding = cast("tuple[dict[str, Any], dict[str, Any]]", rendered)
    assert policy["spec"]["failurePolicy"] == "Fail"
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["resources"], rule["operations"], rule["scope"]) == (["namespaces"], ["CREATE"], "Cluster")
    assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}


def test_only_the_group_creates_the_names() -> None:
    policy, _ = render_namespace_guard(frozenset({"b", "a"}), creators='a "group"')
    (validation,) = cast("dict[str, Any]", policy)["spec"]["validations"]
    assert validation["expression"] == (
        r'!(object.metadata.name in ["a", "b"]) || "a \"group\"" in request.userInfo.groups'
    )


def test_names_are_guarded_where_some_are_exempt() -> None:
    assert names(exempt_namespaces=frozenset({"kube-system"})) == [*["assay"] * 4, GUARD_NAME, GUARD_NAME]
    assert names() == ["assay"] * 4
