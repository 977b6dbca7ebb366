"""Building registry clients: for a service, from what its configuration names; for a command line, as its user."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.adapters.registry.access import HostAccess, RegistryAccess
from assay.adapters.registry.authorization import CredentialSource
from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.cloud_login import CLOUDS, CloudLogin
from assay.adapters.registry.credential_helper import HelperProgram
from assay.adapters.registry.credential_source import CredentialSources
from assay.bootstrap.installation import Installation
from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.limit import Limits
from assay.formats.docker_config import DockerConfig, parse_docker_config

_REMEMBERED_OCTETS = 16 * 1024 * 1024
_REMEMBERED_WITH_SECRETS = 1024 * 1024  # there are as many such clients as sets of secrets
_LARGEST = 1024 * 1024  # one byte more is read, for the parser to refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class _InOrder:
    """The first credential that any of these sources has for a host."""

    sources: Sequence[CredentialSource]

    def find(self, registry: str, deadline: Deadline) -> Credential | None:
        found = (source.find(registry, deadline) for source in self.sources)
        return next((credential for credential in found if credential is not None), None)


def service_registry(
    installation: Installation,
    *,
    limits: Limits,
    count: Callable[[str], None],
    pull_secrets: Sequence[DockerConfig] = (),
) -> RegistryClient:
    """The registry client of a service: closed to private addresses and credentials that its configuration names not.

    `pull_secrets` count before what is configured; helpers that they name are never started. Raises `ConfigError`
    naming what cannot be used.
    """
    sources = (CredentialSources(configs=pull_secrets), service_credentials(installation))
    return RegistryClient(
        access=service_access(installation),
        limits=limits,
        credentials=_InOrder(sources=sources),
        remembered_octets=_REMEMBERED_WITH_SECRETS if pull_secrets else _REMEMBERED_OCTETS,
        count=count,
    )


def user_registry(
    *, plain_http: Sequence[str], ca: Path | None, token_hosts: Sequence[tuple[str, str]] = (), limits: Limits
) -> RegistryClient:
    """The registry client of a command line: it reaches what its user reaches, with the user's docker logins."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    access = RegistryAccess(
        plain_http=frozenset(plain_http),
        plain_http_on_loopback=True,
        private_addresses=True,
        certificate_authority=ca,
        hosts={
            registry: HostAccess(token_hosts=frozenset(host for name, host in token_hosts if name == registry))
            for registry, _ in token_hosts
        },
    )
    credentials = CredentialSources(
        configs=[_read(folder / "config.json")] if (folder / "config.json").exists() else [],
        helper=HelperProgram(environment=dict(os.environ)),
    )
    return RegistryClient(access=access, limits=limits, credentials=credentials)


def service_access(installation: Installation) -> RegistryAccess:
    """What the configuration says about reaching registries."""
    registries = installation.settings.registries
    return RegistryAccess(
        allowed=frozenset(registries.only) if registries.only else None,
        plain_http=frozenset(registries.plain_http),
        certificate_authority=installation.path(registries.ca) if registries.ca else None,
        hosts={
            item.host: HostAccess(
                mirrors=item.mirrors,
                token_hosts=frozenset(item.token_hosts),
                certificate_authority=installation.path(item.ca) if item.ca else None,
            )
            for item in registries.hosts
        },
    )


def service_credentials(installation: Installation) -> CredentialSources:
    """The credentials that the configuration names: files as docker writes them, and logins of clouds.

    A file that wants a helper started is a `ConfigError(docker_config_malformed)`: a service starts no programs it
    finds in a file of credentials.
    """
    configs = [_read(installation.path(written)) for written in installation.settings.registries.credentials]
    for config, written in zip(configs, installation.settings.registries.credentials, strict=True):
        if config.helpers or config.store:
            raise ConfigError(
                "docker_config_malformed",
                f"{written} names a credential helper, which a service does not start",
                remedy="write the logins themselves, or use `login` for a registry of a cloud",
            )
    logins = {
        item.host: CloudLogin(registry=item.host, cloud=CLOUDS[item.login])
        for item in installation.settings.registries.hosts
        if item.login
    }
    return CredentialSources(configs=configs, logins=logins)


def _read(file: Path) -> DockerConfig:
    try:
        with file.open("rb") as handle:
            return parse_docker_config(handle.read(_LARGEST + 1), what=str(file))
    except InvalidInput as error:
        raise ConfigError(error.code, error.message, remedy=error.remedy) from None
    except OSError as error:
        raise ConfigError(
            "docker_config_unreadable", f"{file} cannot be read: {error.strerror}", remedy="check path and mode"
        ) from error
