"""What is registered with the API server."""

import base64
from typing import Any, cast

import pytest

from assay.domain.errors import ConfigError
from assay_webhooks.registration import (
    KUBERNETES_RESOURCES,
    ApiResources,
    Registration,
    ServiceAddress,
    render_registration,
)
from tests.fakes.webhook_manifest import BUNDLE

SERVICE = ServiceAddress(namespace="assay", name="webhook", port=8443)


def rendered(registration: Registration) -> list[dict[str, Any]]:
    """The one webhook of each configuration."""
    documents = cast("list[dict[str, Any]]", render_registration(registration))
    assert [document["kind"] for document in documents] == [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ]
    return [document["webhooks"][0] for document in documents]


def test_both_hooks_fail_closed_and_leave_no_default_to_the_cluster() -> None:
    for hook in rendered(Registration(address=SERVICE, ca_bundle=BUNDLE, timeout_seconds=7)):
        assert (hook["failurePolicy"], hook["matchPolicy"], hook["timeoutSeconds"]) == ("Fail", "Equivalent", 7)
        assert (hook["sideEffects"], hook["admissionReviewVersions"]) == ("NoneOnDryRun", ["v1"])
        assert hook["objectSelector"] == {}


def test_only_the_mutating_hook_is_invoked_again() -> None:
    mutating, validating = rendered(Registration(address=SERVICE, ca_bundle=BUNDLE))
    assert mutating["reinvocationPolicy"] == "IfNeeded"
    assert "reinvocationPolicy" not in validating


def test_a_service_is_called_under_the_path_of_the_hook() -> None:
    mutating, validating = rendered(Registration(address=SERVICE, ca_bundle=BUNDLE))
    service = {"name": "webhook", "namespace": "assay", "path": "/mutate", "port": 8443}
    assert mutating["clientConfig"] == {"caBundle": base64.b64encode(BUNDLE).decode(), "service": service}
    assert validating["clientConfig"]["service"]["path"] == "/validate"


def test_an_address_is_called_under_the_path_of_the_hook() -> None:
    hooks = rendered(Registration(address="https://127.0.0.1:8743/", ca_bundle=BUNDLE))
    assert [hook["clientConfig"]["url"] for hook in hooks] == [
        "https://127.0.0.1:8743/mutate",
        "https://127.0.0.1:8743/validate",
    ]


def test_every_kind_that_names_images_is_registered_and_nothing_else() -> None:
    hook, _ = rendered(Registration(address=SERVICE, ca_bundle=BUNDLE))
    resources = {
        (group, plural) for rule in hook["rules"] for group in rule["apiGroups"] for plural in rule["resources"]
    }
    assert resources == {
        *{("", plural) for plural in ("pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers")},
        *{("apps", plural) for plural in ("daemonsets", "deployments", "replicasets", "statefulsets")},
        *{("batch", plural) for plural in ("cronjobs", "jobs")},
    }
    assert all(rule["operations"] == ["CREATE", "UPDATE"] for rule in hook["rules"])
    assert all(rule["scope"] == "Namespaced" for rule in hook["rules"])


def test_custom_resources_are_registered_with_their_version() -> None:
    custom = ApiResources(group="argoproj.io", version="v1alpha1", plurals=("rollouts",))
    hook, _ = rendered(Registration(address=SERVICE, ca_bundle=BUNDLE, resources=(custom, *KUBERNETES_RESOURCES)))
    (rule,) = [rule for rule in hook["rules"] if rule["apiGroups"] == ["argoproj.io"]]
    assert (rule["apiVersions"], rule["resources"]) == (["v1alpha1"], ["rollouts"])


def condition(*resources: ApiResources) -> str:
    """When the API server asks at all."""
    hooks = rendered(Registration(address=SERVICE, ca_bundle=BUNDLE, resources=(*resources, *KUBERNETES_RESOURCES)))
    (mutating,), (validating,) = (hook["matchConditions"] for hook in hooks)
    assert mutating == validating
    assert mutating["name"] == "images-may-change"
    return str(mutating["expression"])


def test_updates_that_leave_alone_where_images_stand_do_not_need_the_webhook() -> None:
    assert condition() == (
        "request.operation != 'UPDATE' || (request.kind.group == '' && request.kind.kind == 'PodTemplate' ? "
        "(!has(object.template) || !has(oldObject.template) || object.template != oldObject.template) : "
        "(!has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec))"
    )


def test_kinds_with_images_outside_of_a_spec_are_never_left_out_and_the_others_still_are() -> None:
    scattered = ApiResources(group="b.test", version="v1", plurals=("boats", "cars"), spec_holds_images=False)
    assert condition(ApiResources(group="a.test", version="v1", plurals=("apps",)), scattered) == condition().replace(
        "'UPDATE' || ",
        '\'UPDATE\' || request.resource.group == "b.test" && request.resource.resource in ["boats", "cars"] || ',
    )


def test_namespaces_are_exempt_by_their_immutable_name() -> None:
    exempt = Registration(address=SERVICE, ca_bundle=BUNDLE, exempt_namespaces=frozenset({"kube-system", "assay"}))
    selector = rendered(exempt)[0]["namespaceSelector"]
    assert selector["matchExpressions"] == [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["assay", "kube-system"]}
    ]
    assert rendered(Registration(address=SERVICE, ca_bundle=BUNDLE))[0]["namespaceSelector"] == {}


@pytest.mark.parametrize(
    "url",
    ["http://a.test", "https://a.test/path", "https://a.test?x=1", "https://a.test#x", "https://u@a.test", "https://"],
)
def test_an_address_that_the_api_server_would_refuse_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Registration(address=url, ca_bundle=BUNDLE)
    assert caught.value.code == "webhook_address_invalid"


@pytest.mark.parametrize("bundle", [b"", b"garbage", BUNDLE + b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_bundle_that_is_none_is_refused(bundle: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        Registration(address=SERVICE, ca_bundle=bundle)
    assert caught.value.code == "ca_bundle_invalid"


@pytest.mark.parametrize("seconds", [0, 31])
def test_a_timeout_that_the_api_server_would_refuse_is_refused(seconds: int) -> None:
    with pytest.raises(ConfigError) as caught:
        Registration(address=SERVICE, ca_bundle=BUNDLE, timeout_seconds=seconds)
    assert caught.value.code == "timeout_invalid"
