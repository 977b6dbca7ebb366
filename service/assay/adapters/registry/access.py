"""Which registries may be asked, and how they are reached."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assay.domain.errors import InvalidInput
from assay.domain.reference import Repository

_ENDPOINTS = {"docker.io": "registry-1.docker.io"}
_TOKEN_HOSTS = {"docker.io": frozenset({"auth.docker.io"})}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAccess:
    """What the operator configured about one registry.

    `mirrors` are asked first, in order, under the same repository name behind their own prefix (`host[/prefix]`).
    `token_hosts` are the hosts beside its own that may issue its tokens. `certificate_authority` is a PEM file.
    """

    mirrors: tuple[str, ...] = ()
    token_hosts: frozenset[str] = frozenset()
    certificate_authority: Path | None = None

    def __post_init__(self) -> None:
        for mirror in self.mirrors:
            _mirrored(mirror, "any")
        for host in self.token_hosts:
            Repository(registry=host, path="any")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a repository is asked for: the repository as that host names it, and its address `scheme://host[:port]`."""

    repository: Repository
    base_url: str

    def url(self, rest: str) -> str:
        """The address of something below the repository."""
        return f"{self.base_url}/v2/{self.repository.path}/{rest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAccess:
    """What the operator configured about registries; hosts are written `host[:port]`, as in references.

    `allowed` closes the set of registries; None leaves it open. A registry is spoken to in https unless `plain_http`
    names it, or `plain_http_on_loopback` is set and its host is a loopback address or `localhost`. A host that is
    named anywhere here may have a private address; every other host must have a public one, unless
    `private_addresses` is set: for a command line that reaches no further than its user does anyway, never for a
    service. Redirects and token hosts never profit from `private_addresses` or `plain_http_on_loopback`.
    `certificate_authority` is a PEM file that replaces the public authorities; a host may have one of its own.
    Raises `InvalidInput(reference_malformed)` when an entry is not a registry host.
    """

    allowed: frozenset[str] | None = None
    plain_http: frozenset[str] = frozenset()
    plain_http_on_loopback: bool = False
    private_addresses: bool = False
    certificate_authority: Path | None = None
    hosts: Mapping[str, HostAccess] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for host in self.plain_http | self.hosts.keys() | (self.allowed or frozenset()):
            Repository(registry=host, path="any")

    def base_url(self, registry: str) -> str:
        """`scheme://host[:port]` of a registry; `InvalidInput(registry_not_configured)` when it may not be asked."""
        if self.allowed is not None and registry not in self.allowed:
            raise InvalidInput(
                "registry_not_configured",
                f"{registry} is not one of the configured registries",
                remedy="name an image in a configured registry, or have the registry added to the configuration",
            )
        return self._base_url(registry)

    def places(self, repository: Repository) -> tuple[Place, ...]:
        """Where a repository is read: its mirrors in order, and itself last."""
        origin = Place(repository=repository, base_url=self.base_url(repository.registry))
        return (*map(self._place, self._mirrored(repository)), origin)

    def names(self, host: str) -> bool:
        """Whether the configuration names exactly this host."""
        return host in self.plain_http | (self.allowed or frozenset()) or host in self._configured()

    def is_plain(self, host: str) -> bool:
        """Whether exactly this host is configured to be spoken to without TLS."""
        return host in self.plain_http

    def may_issue_tokens(self, host: str, *, registry: str) -> bool:
        """Whether a token host may learn the credential of a registry.

        The registry's own host with its port may, a host that is configured for it, and a parent domain on the default
        port, because whoever holds that decides about the registry's name anyway.
        """
        own = _ENDPOINTS.get(registry, registry)
        configured = self.hosts[registry].token_hosts if registry in self.hosts else frozenset()
        if host == own or host in configured | _TOKEN_HOSTS.get(registry, frozenset()):
            return True
        return own.rpartition(":")[0] == "" and "." in host and not _is_address(own) and own.endswith(f".{host}")

    def authority_of(self, host: str) -> Path | None:
        """The PEM file that the certificate of a host is checked with, None for the public authorities."""
        own = self.hosts[host].certificate_authority if host in self.hosts else None
        return own or self.certificate_authority

    def _base_url(self, registry: str) -> str:
        plain = registry in self.plain_http or (self.plain_http_on_loopback and _is_loopback(registry))
        return f"{'http' if plain else 'https'}://{_ENDPOINTS.get(registry, registry)}"

    def _place(self, repository: Repository) -> Place:
        return Place(repository=repository, base_url=self._base_url(repository.registry))

    def _mirrored(self, repository: Repository) -> Iterable[Repository]:
        host = self.hosts.get(repository.registry)
        return (_mirrored(mirror, repository.path) for mirror in host.mirrors) if host else ()

    def _configured(self) -> set[str]:
        named = set(self.hosts)
        for host in self.hosts.values():
            named |= host.token_hosts | {mirror.partition("/")[0] for mirror in host.mirrors}
        return named


def _mirrored(mirror: str, path: str) -> Repository:
    host, slash, prefix = mirror.partition("/")
    return Repository(registry=host, path=f"{prefix}{slash}{path}")


def _is_loopback(registry: str) -> bool:
    host = registry if registry.endswith("]") else registry.rpartition(":")[0] or registry
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host.strip("[]")).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
