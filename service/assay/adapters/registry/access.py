"""Which registries may be asked, and how they are reached."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from assay.domain.errors import InvalidInput
from assay.domain.reference import Repository

_ENDPOINTS = {"docker.io": "registry-1.docker.io"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAccess:
    """What the operator configured about registries; hosts are written `host[:port]`, as in references.

    `allowed` closes the set of registries; None leaves it open. A registry is spoken to in https unless `plain_http`
    names it, or `plain_http_on_loopback` is set and its host is a loopback address or `localhost`. A host that is
    named in `allowed` or `plain_http` may have any address; every other host must have a public one, unless
    `private_addresses` is set: for a command line that reaches no further than its user does anyway, never for a
    service. Redirects never profit from `private_addresses` or `plain_http_on_loopback`.
    `certificate_authority` is a PEM file that replaces the public authorities.
    Raises `InvalidInput(reference_malformed)` when an entry is not a registry host.
    """

    allowed: frozenset[str] | None = None
    plain_http: frozenset[str] = frozenset()
    plain_http_on_loopback: bool = False
    private_addresses: bool = False
    certificate_authority: Path | None = None

    def __post_init__(self) -> None:
        for host in self.plain_http | (self.allowed or frozenset()):
            Repository(registry=host, path="any")

    def base_url(self, registry: str) -> str:
        """`scheme://host[:port]` of a registry; `InvalidInput(registry_not_configured)` when it may not be asked."""
        if self.allowed is not None and registry not in self.allowed:
            raise InvalidInput(
                "registry_not_configured",
                f"{registry} is not one of the configured registries",
                remedy="name an image in a configured registry, or have the registry added to the configuration",
            )
        plain = registry in self.plain_http or (self.plain_http_on_loopback and _is_loopback(registry))
        return f"{'http' if plain else 'https'}://{_ENDPOINTS.get(registry, registry)}"

    def names(self, host: str) -> bool:
        """Whether the configuration names exactly this host."""
        return host in self.plain_http or host in (self.allowed or frozenset())


def _is_loopback(registry: str) -> bool:
    host = registry if registry.endswith("]") else registry.rpartition(":")[0] or registry
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
