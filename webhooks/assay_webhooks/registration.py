"""What is registered with the API server so that it asks the webhook."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay.domain.errors import ConfigError

NAME = "assay"
"""The name of every object that is registered."""

Document = dict[str, object]

_NAMESPACE_LABEL = "kubernetes.io/metadata.name"
_MOST_SECONDS = 30
# The API server refuses a query, a fragment and a user; the path is ours.
_PLAIN_HTTPS = re.compile(r"https://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[1-9][0-9]{0,4})?/?", re.ASCII)
_LABELS = {"app.kubernetes.io/name": "assay", "app.kubernetes.io/managed-by": "assay"}


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class ApiResources:
    """Resources of one group and version, by their plurals; subresources as `pods/ephemeralcontainers`.

    `spec_holds_images` says that all of their images stand below `spec`, or below `template` in a PodTemplate.
    """

    group: str
    version: str
    plurals: tuple[str, ...]
    spec_holds_images: bool = True


PODS = ApiResources(group="", version="v1", plurals=("pods", "pods/ephemeralcontainers"))
"""`pods` alone would let ephemeral containers by: they come as an update of the subresource."""

KUBERNETES_RESOURCES = (
    ApiResources(group="", version="v1", plurals=(*PODS.plurals, "podtemplates", "replicationcontrollers")),
    ApiResources(group="apps", version="v1", plurals=("daemonsets", "deployments", "replicasets", "statefulsets")),
    ApiResources(group="batch", version="v1", plurals=("cronjobs", "jobs")),
)
"""Everything in Kubernetes itself that names images. `*/scale` and `*/status` name none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAddress:
    """A Service in the cluster; its certificate must be for `NAME.NAMESPACE.svc`."""

    namespace: str
    name: str
    port: int = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """How the API server calls the webhook, and about what.

    `address` is a Service or the https URL of the server without a path; `ca_bundle` the PEM authority of its
    certificate. Custom resources stand in `resources`. Raises `ConfigError`: `webhook_address_invalid`,
    `ca_bundle_invalid`, `timeout_invalid`.
    """

    address: ServiceAddress | str
    ca_bundle: bytes
    resources: tuple[ApiResources, ...] = KUBERNETES_RESOURCES
    exempt_namespaces: frozenset[str] = frozenset()
    timeout_seconds: int = 10

    def __post_init__(self) -> None:
        if isinstance(self.address, str):
            require_plain_https(self.address)
        require_ca_bundle(self.ca_bundle)
        if not 1 <= self.timeout_seconds <= _MOST_SECONDS:
            raise ConfigError(
                "timeout_invalid", f"a webhook cannot have {self.timeout_seconds} s", remedy="choose 1 to 30 seconds"
            )


def render_registration(registration: Registration) -> tuple[Document, Document]:
    """The MutatingWebhookConfiguration and the ValidatingWebhookConfiguration, armed.

    Every field that has a default is written: a default can change. Both fail closed, see equivalent versions of a
    resource, keep their side effects out of dry runs, and leave alone updates that cannot change an image.
    """
    mutating = _webhook(registration, "mutate")
    # Another hook may add a container after ours: it is pinned, too.
    mutating["reinvocationPolicy"] = "IfNeeded"
    return (
        {**_head("MutatingWebhookConfiguration"), "webhooks": [mutating]},
        {**_head("ValidatingWebhookConfiguration"), "webhooks": [_webhook(registration, "validate")]},
    )


def namespace_selector(exempt: frozenset[str]) -> Document:
    """Every namespace but these, by the label that Kubernetes itself keeps equal to the name."""
    if not exempt:
        return {}
    return {"matchExpressions": [{"key": _NAMESPACE_LABEL, "operator": "NotIn", "values": sorted(exempt)}]}


def resource_rules(resources: Sequence[ApiResources]) -> list[Document]:
    """The rules for creating and updating these resources, sorted."""
    return [
        {
            "apiGroups": [each.group],
            "apiVersions": [each.version],
            "operations": ["CREATE", "UPDATE"],
            "resources": sorted(each.plurals),
            "scope": "Namespaced",
        }
        for each in sorted(resources)
    ]


def head(api_version: str, kind: str, name: str = NAME) -> Document:
    """The beginning of an object that belongs to us."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": dict(_LABELS)}}


def denying_policy(
    name: str, rules: Sequence[Document], decides: Document, *, where: Document | None = None
) -> tuple[Document, Document]:
    """A ValidatingAdmissionPolicy that fails closed, and the binding by which it denies.

    `rules` say what it is asked about, `decides` are its validations with their variables; `where` narrows the binding.
    """
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": list(rules)},
        **decides,
    }
    bound = {"policyName": name, **({"matchResources": where} if where else {}), "validationActions": ["Deny"]}
    return (
        {**_head("ValidatingAdmissionPolicy", name), "spec": spec},
        {**_head("ValidatingAdmissionPolicyBinding", name), "spec": bound},
    )


def _head(kind: str, name: str = NAME) -> Document:
    return head("admissionregistration.k8s.io/v1", kind, name)


def _webhook(registration: Registration, hook: str) -> Document:
    return {
        "name": f"{hook}.assay.dev",
        "admissionReviewVersions": ["v1"],
        "clientConfig": _client(registration, hook),
        "failurePolicy": "Fail",
        "matchConditions": [{"name": "images-may-change", "expression": _images_may_change(registration.resources)}],
        "matchPolicy": "Equivalent",
        "namespaceSelector": namespace_selector(registration.exempt_namespaces),
        "objectSelector": {},
        "rules": resource_rules(registration.resources),
        "sideEffects": "NoneOnDryRun",
        "timeoutSeconds": registration.timeout_seconds,
    }


def _images_may_change(resources: Sequence[ApiResources]) -> str:
    """False for updates that leave alone where images stand: of labels and finalizers, also while we are down."""
    scattered = [
        f"request.resource.group == {json.dumps(each.group)} && request.resource.resource in {json.dumps(each.plurals)}"
        for each in sorted(resources)
        if not each.spec_holds_images
    ]
    pod_template = "request.kind.group == '' && request.kind.kind == 'PodTemplate'"
    changed = f"({pod_template} ? {_differs('template')} : {_differs('spec')})"
    return " || ".join(["request.operation != 'UPDATE'", *scattered, changed])


def _differs(name: str) -> str:
    return f"(!has(object.{name}) || !has(oldObject.{name}) || object.{name} != oldObject.{name})"


def _client(registration: Registration, hook: str) -> Document:
    bundle = base64.b64encode(registration.ca_bundle).decode("ascii")
    address = registration.address
    if isinstance(address, str):
        return {"caBundle": bundle, "url": f"{address.rstrip('/')}/{hook}"}
    service = {"name": address.name, "namespace": address.namespace, "path": f"/{hook}", "port": address.port}
    return {"caBundle": bundle, "service": service}


def require_ca_bundle(octets: bytes) -> None:
    """Raise `ConfigError(ca_bundle_invalid)` unless these may be PEM certificates, and hold no key.

    Whoever is given a bundle takes any text and fails only when it calls.
    """
    if b"-----BEGIN CERTIFICATE-----" not in octets or b"PRIVATE KEY" in octets:
        raise ConfigError(
            "ca_bundle_invalid", "the CA bundle is no PEM file of certificates", remedy="name the server's ca.crt"
        )


def require_plain_https(url: str) -> None:
    """Raise `ConfigError(webhook_address_invalid)` unless this is an https URL of a host without a path."""
    if not _PLAIN_HTTPS.fullmatch(url):
        raise ConfigError(
            "webhook_address_invalid",
            f"{url[:200]!r} is no plain https address",
            remedy="write https://HOST:PORT, or name a Service",
        )
