"""Which credential belongs to which registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.formats.docker_config import DockerConfig


class Helper(Protocol):
    """A program that keeps credentials."""

    def get(self, name: str, registry: str, deadline: Deadline) -> Credential | None:
        """What `docker-credential-NAME` has for a registry; raises `Unavailable` only."""
        ...


class Login(Protocol):
    """A cloud's way to make a credential for one of its registries."""

    def find(self, registry: str, deadline: Deadline) -> Credential | None:
        """A credential for this host; raises `Unavailable` and `ConfigError` only."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSources:
    """Credentials by exact host: `logins` first, then each docker configuration in order.

    A docker configuration's helper for the host comes before what the file itself says, its store after that, as docker
    does it. Without `helper` no program is ever started.
    """

    configs: Sequence[DockerConfig] = ()
    helper: Helper | None = None
    logins: Mapping[str, Login] = field(default_factory=dict)

    def find(self, registry: str, deadline: Deadline) -> Credential | None:
        """The credential for exactly this host and port, None when there is none: then it is asked anonymously."""
        if registry in self.logins:
            return self.logins[registry].find(registry, deadline)
        for config in self.configs:
            credential = self._from_config(config, registry, deadline)
            if credential is not None:
                return credential
        return None

    def _from_config(self, config: DockerConfig, registry: str, deadline: Deadline) -> Credential | None:
        if self.helper is not None and registry in config.helpers:
            return self.helper.get(config.helpers[registry], registry, deadline)
        if registry in config.credentials:
            return config.credentials[registry]
        if self.helper is not None and config.store:
            return self.helper.get(config.store, registry, deadline)
        return None


NO_CREDENTIALS = CredentialSources()
"""Every registry is asked anonymously."""
