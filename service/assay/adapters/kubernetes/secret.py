"""Secrets and service accounts of one namespace."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.adapters.kubernetes.connection import KubernetesConnection, VersionExpired, unavailable
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput
from assay.formats.base64text import decode_base64
from assay.formats.open_object import OpenObject

# RFC 1123 subdomains name secrets and service accounts, labels name namespaces; nothing else is put into a path.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_CODE = "cluster_unavailable"
_PULL_SECRETS = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret's type and members; the members are never shown by `repr`."""

    type: str
    members: tuple[tuple[str, bytes], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReader:
    """Reads single secrets and service accounts by name; raises `Unavailable(cluster_unavailable)` alone."""

    connection: KubernetesConnection

    def fetch_secret(self, namespace: str, name: str, deadline: Deadline) -> Secret | None:
        """The secret, None when there is none."""
        found = self._get(namespace, "secrets", name, deadline)
        if found is None:
            return None
        try:
            members = tuple(
                (key, decode_base64(text, what=f"a member of {namespace}/{name}", code=_CODE))
                for key, text in found.text_map("data")
            )
            return Secret(type=found.text("type", ""), members=members)
        except InvalidInput as error:
            raise unavailable(f"the secret {namespace}/{name} cannot be read") from error

    def fetch_pull_secrets(
        self, namespace: str, service_account: str, named: Sequence[str], deadline: Deadline
    ) -> Sequence[bytes]:
        """See `Cluster.fetch_pull_secrets`."""
        account = self._get(namespace, "serviceaccounts", service_account, deadline)
        try:
            further = account.sections("imagePullSecrets") if account is not None else []
            names = dict.fromkeys((*named, *(item.text("name", "") for item in further)))
        except InvalidInput as error:
            raise unavailable(f"the service account {namespace}/{service_account} cannot be read") from error
        secrets = [self.fetch_secret(namespace, name, deadline) for name in names]
        return [config for secret in secrets if secret is not None for config in _docker_configs(secret)]

    def _get(self, namespace: str, kind: str, name: str, deadline: Deadline) -> OpenObject | None:
        if not _NAME.fullmatch(namespace) or not _NAME.fullmatch(name):
            return None  # nothing can have this name
        try:
            return self.connection.get(f"/api/v1/namespaces/{namespace}/{kind}/{name}", deadline)
        except VersionExpired as error:
            raise unavailable("HTTP status 410") from error


def _docker_configs(secret: Secret) -> list[bytes]:
    wanted = _PULL_SECRETS.get(secret.type)
    return [octets for name, octets in secret.members if name == wanted]
