"""Composition root of the webhook's commands: the only module that sees configuration and files."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from assay.bootstrap.installation import Installation
from assay.configuration.settings import RegistryHostSettings
from assay.domain.coverage import Coverage, CustomResource, Pin
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput
from assay.formats.open_object import OpenObject
from assay.formats.strict_json import parse_json
from assay.ports import ClusterObjects
from assay_webhooks.adapters.certificate_folder import CertificateFolder
from assay_webhooks.manifest import Guard
from assay_webhooks.provider.manifest import ProviderGuard
from assay_webhooks.registration import KUBERNETES_RESOURCES, ApiResources
from assay_webhooks.static_policy import AllowedRegistries

_REGO = Path(__file__).parent / "provider" / "image_allowed.rego"
_REGISTRY_RULE = "registry.allowed"
_LARGEST = 16 * 1024 * 1024


def load_guard(configuration: Path) -> Guard:
    """What the webhook of a configuration guards; `ConfigError` naming what cannot be used."""
    installation = Installation.load(configuration)
    webhook = installation.settings.webhook
    if webhook is None:
        raise ConfigError("webhook_missing", "the configuration has no webhook", remedy="add the section `webhook`")
    rule_data = _load_rule_data(installation.path(installation.settings.rule_data))
    coverage = webhook.coverage
    return Guard(
        configuration=Digest.of(installation.file.read_bytes()),
        allowed=tuple(
            AllowedRegistries(
                names=tuple(sorted(rule.names)),
                labels=rule.labels,
                prefixes=tuple(
                    name
                    for prefix in _allowed_registries(rule_data, rule.tenant, rule.environment)
                    for name in (prefix, *_in_mirrors(prefix, installation.settings.registries.hosts))
                ),
                any_registry=not _enforces_registries(rule_data, rule.tenant, rule.environment),
            )
            for rule in webhook.tenants
        ),
        timeout_seconds=webhook.timeout_seconds,
        exempt_namespace_creators=webhook.exempt_namespace_creators,
        resources=(*KUBERNETES_RESOURCES, *_custom_resources(coverage)),
        exempt_namespaces=coverage.exempt_namespaces,
        templates=coverage.pin is Pin.ALL,
    )


def load_provider_guard(
    configuration: Path, *, url: str, ca_bundle: bytes, exempt_namespaces: frozenset[str], templates: bool
) -> tuple[ProviderGuard, str]:
    """What Gatekeeper is told of the provider of a configuration, and the Rego that asks it; `ConfigError`."""
    provider = Installation.load(configuration).settings.provider
    if provider is None:
        raise ConfigError("provider_missing", "the configuration has no provider", remedy="add the section `provider`")
    guard = ProviderGuard(
        url=url,
        ca_bundle=ca_bundle,
        validation_milliseconds=provider.validation_milliseconds,
        mutation_milliseconds=provider.mutation_milliseconds,
        exempt_namespaces=exempt_namespaces,
        templates=templates,
    )
    return guard, _REGO.read_text(encoding="utf-8")


def _in_mirrors(prefix: str, hosts: Sequence[RegistryHostSettings]) -> Iterator[str]:
    """The names under which what a prefix covers lies in mirrors: it is judged under its origin's."""
    for host in hosts:
        if prefix == host.host or prefix.startswith(f"{host.host}/"):
            yield from (f"{mirror}{prefix.removeprefix(host.host)}" for mirror in host.mirrors)


def _custom_resources(coverage: Coverage) -> tuple[ApiResources, ...]:
    plurals: dict[tuple[str, str, bool], list[str]] = {}
    for custom in coverage.custom_resources:
        plurals.setdefault((custom.kind.group, custom.kind.version, _stands_below_spec(custom)), []).append(
            custom.resource
        )
    return tuple(
        ApiResources(group=group, version=version, plurals=tuple(sorted(names)), spec_holds_images=below_spec)
        for (group, version, below_spec), names in sorted(plurals.items())
    )


def _stands_below_spec(custom: CustomResource) -> bool:
    return all(path.steps[0] == "spec" for path in (*custom.images, *custom.pod_specs))


def compose_certificate_folder(folder: Path) -> CertificateFolder:
    """The certificates in a folder."""
    return CertificateFolder(folder=folder)


def compose_cluster(kubeconfig: Path | None) -> ClusterObjects:
    """The cluster of a kubeconfig: the one that is named, else as kubectl finds it."""
    from assay.bootstrap.cluster import user_objects  # noqa: PLC0415  # other commands need no HTTP

    return user_objects(kubeconfig or find_kubeconfig(os.environ))


def find_kubeconfig(environment: Mapping[str, str]) -> Path:
    """`$KUBECONFIG`, or `~/.kube/config`; a list of files is not merged: `ConfigError(cluster_not_configured)`."""
    named = environment.get("KUBECONFIG", "")
    if os.pathsep in named:
        raise ConfigError(
            "cluster_not_configured", "KUBECONFIG names several files", remedy="name one with --kubeconfig"
        )
    return Path(named) if named else Path.home() / ".kube" / "config"


def _load_rule_data(path: Path) -> OpenObject:
    try:
        document = parse_json(path.read_bytes(), what="the rule data", largest=_LARGEST)
        return OpenObject(document, place="rule data", code="rule_data_invalid")
    except OSError as error:
        raise _unusable(f"{path} cannot be read: {error.strerror}") from error
    except InvalidInput as error:
        raise _unusable(error.message) from error


def _allowed_registries(rule_data: OpenObject, tenant: str, environment: str) -> tuple[str, ...]:
    try:
        return tuple(rule_data.section(tenant).section(environment).texts("allowed_registries"))
    except InvalidInput as error:
        raise _unusable(f"{tenant}/{environment}: {error.message}") from error


def _enforces_registries(rule_data: OpenObject, tenant: str, environment: str) -> bool:
    """Whether the rule is mandatory and its mode lets it deny: the API server has no other way to tell."""
    try:
        demands = rule_data.section(tenant).section(environment)
        mode = demands.optional_section("modes").text(_REGISTRY_RULE, "enforce")
        return mode == "enforce" and _REGISTRY_RULE in demands.section("mandatory").texts("request")
    except InvalidInput as error:
        raise _unusable(f"{tenant}/{environment}: {error.message}") from error


def _unusable(why: str) -> ConfigError:
    return ConfigError("rule_data_invalid", why, remedy="correct the rule data; `assay config check` checks all of it")
