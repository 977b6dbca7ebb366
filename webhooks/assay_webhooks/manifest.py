"""Everything that is registered with the API server, from one configuration."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from assay.domain.arming import Change
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError
from assay_webhooks.arming import disarm
from assay_webhooks.namespace_guard import render_namespace_guard
from assay_webhooks.registration import (
    KUBERNETES_RESOURCES,
    ApiResources,
    Document,
    Registration,
    ServiceAddress,
    render_registration,
)
from assay_webhooks.static_policy import AllowedRegistries, render_static_policy

CONFIGURATION = "assay.dev/configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What one configuration says of admission: whom it leaves alone, what it looks at, which registries it allows.

    `configuration` is the digest of the file. `templates` says that images of templates are pinned, too. Only members
    of the group `exempt_namespace_creators` create namespaces that are exempt.
    """

    configuration: Digest
    allowed: tuple[AllowedRegistries, ...]
    timeout_seconds: int
    exempt_namespace_creators: str
    resources: tuple[ApiResources, ...] = KUBERNETES_RESOURCES
    exempt_namespaces: frozenset[str] = frozenset()
    templates: bool = True


def make_manifest(
    guard: Guard, address: ServiceAddress | str, ca_bundle: bytes, *, disarmed: Change | None, static_policy: bool
) -> list[Document]:
    """The webhook configurations and, when wanted, the static policies with their bindings; what `Registration` raises.

    With `disarmed` the webhooks ask about nothing until they are armed; the static policies hold in any case.
    """
    registration = Registration(
        address=address,
        ca_bundle=ca_bundle,
        resources=guard.resources,
        exempt_namespaces=guard.exempt_namespaces,
        timeout_seconds=guard.timeout_seconds,
    )
    documents = [_annotated(document, guard) for document in render_registration(registration)]
    if disarmed is not None:
        documents = [disarm(document, disarmed) or document for document in documents]
    if static_policy:
        documents += [_annotated(document, guard) for document in _static_policies(guard)]
    return documents


def _static_policies(guard: Guard) -> Iterator[Document]:
    exempt = guard.exempt_namespaces
    yield from render_static_policy(guard.allowed, exempt_namespaces=exempt, templates=guard.templates)
    if exempt:
        yield from render_namespace_guard(exempt, creators=guard.exempt_namespace_creators)


def require_exempt_service(guard: Guard, service: ServiceAddress) -> None:
    """Raise `ConfigError(service_not_exempt)` when the webhook's own Pods would wait for the webhook to start."""
    if service.namespace not in guard.exempt_namespaces:
        raise ConfigError(
            "service_not_exempt",
            f"the namespace {service.namespace} is judged: once no Pod of the webhook runs, none of them can start",
            remedy=f"add {service.namespace} to webhook.exempt_namespaces; or say --guarded-service",
        )


def render_yaml(documents: Sequence[Document]) -> str:
    """One YAML document for each object; the same input gives the same text."""
    return yaml.safe_dump_all(documents, sort_keys=False, width=1_000_000, explicit_start=True)


def render_json(documents: Sequence[Document]) -> str:
    """One `v1/List` of the objects, on one line."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)}) + "\n"


def _annotated(document: Document, guard: Guard) -> Document:
    metadata = document["metadata"]
    members = metadata if isinstance(metadata, dict) else {}
    return {**document, "metadata": {**members, "annotations": {CONFIGURATION: str(guard.configuration)}}}
