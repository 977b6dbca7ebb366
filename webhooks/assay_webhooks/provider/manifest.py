"""What Gatekeeper is given: the providers, the rule that asks one of them, and on demand what pins by the other.

https://open-policy-agent.github.io/gatekeeper/website/docs/externaldata
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay_webhooks.provider.request import API_VERSION
from assay_webhooks.registration import (
    NAME,
    Document,
    head,
    require_ca_bundle,
    require_plain_https,
)

PINNING = f"{NAME}-pin"
"""The name of the provider that answers with pinned images."""
_KIND = "AssayImages"
_POD_KINDS = (("", ("Pod",)),)
_ALL_KINDS = (
    ("", ("Pod", "PodTemplate", "ReplicationController")),
    ("apps", ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")),
    ("batch", ("CronJob", "Job")),
)
_PINNED = {
    "containers": "spec.containers[name:*].image",
    "init-containers": "spec.initContainers[name:*].image",
    "ephemeral-containers": "spec.ephemeralContainers[name:*].image",
    "volumes": "spec.volumes[name:*].image.reference",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderGuard:
    """How Gatekeeper reaches the provider, and what it asks about.

    `url` is the provider's https address without a path, `ca_bundle` the PEM authority of its certificate. The times
    are those of the configuration; Gatekeeper waits whole seconds. Without `templates` Pods alone are asked about.
    Raises `ConfigError`: `webhook_address_invalid`, `ca_bundle_invalid`.
    """

    url: str
    ca_bundle: bytes
    validation_milliseconds: int
    mutation_milliseconds: int
    exempt_namespaces: frozenset[str] = frozenset()
    templates: bool = True

    def __post_init__(self) -> None:
        require_plain_https(self.url)
        require_ca_bundle(self.ca_bundle)


def make_provider_manifest(guard: ProviderGuard, rego: str, *, pin: bool) -> list[Document]:
    """The Provider, the ConstraintTemplate with this Rego and its Constraint; with `pin` what pins Pods as well."""
    documents = [_provider(guard, NAME, "validate", guard.validation_milliseconds), _template(rego), _constraint(guard)]
    if pin:
        documents.append(_provider(guard, PINNING, "mutate", guard.mutation_milliseconds))
        documents += [_assign(guard, name, location) for name, location in _PINNED.items()]
    return documents


def _provider(guard: ProviderGuard, name: str, purpose: str, milliseconds: int) -> Document:
    spec = {
        "url": f"{guard.url.rstrip('/')}/{purpose}",
        "timeout": math.ceil(milliseconds / 1000),
        "caBundle": base64.b64encode(guard.ca_bundle).decode("ascii"),
    }
    return {**head(API_VERSION, "Provider", name), "spec": spec}


def _template(rego: str) -> Document:
    parameters = {"type": "object", "required": ["provider"], "properties": {"provider": {"type": "string"}}}
    return {
        **head("templates.gatekeeper.sh/v1", "ConstraintTemplate", _KIND.lower()),
        "spec": {
            "crd": {"spec": {"names": {"kind": _KIND}, "validation": {"openAPIV3Schema": parameters}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
        },
    }


def _constraint(guard: ProviderGuard) -> Document:
    return {
        **head("constraints.gatekeeper.sh/v1beta1", _KIND),
        "spec": {
            "enforcementAction": "deny",
            "match": _match(guard, _ALL_KINDS if guard.templates else _POD_KINDS),
            "parameters": {"provider": NAME},
        },
    }


def _assign(guard: ProviderGuard, name: str, location: str) -> Document:
    external = {"provider": PINNING, "dataSource": "ValueAtLocation", "failurePolicy": "Fail"}
    parent = location.rpartition(".")[0]
    return {
        **head("mutations.gatekeeper.sh/v1", "Assign", f"{PINNING}-{name}"),
        "spec": {
            "applyTo": [{"groups": [""], "versions": ["v1"], "kinds": ["Pod"]}],
            "match": _match(guard, _POD_KINDS),
            "location": location,
            "parameters": {
                # Without it a volume of another type would be made one of an image.
                "pathTests": [{"subPath": parent, "condition": "MustExist"}],
                "assign": {"externalData": external},
            },
        },
    }


def _match(guard: ProviderGuard, kinds: Sequence[tuple[str, tuple[str, ...]]]) -> Document:
    match: Document = {
        "scope": "Namespaced",
        "kinds": [{"apiGroups": [group], "kinds": list(names)} for group, names in kinds],
    }
    if guard.exempt_namespaces:
        match["excludedNamespaces"] = sorted(guard.exempt_namespaces)
    return match
