"""Keys in Kubernetes secrets, read by a Pod with its own service account.

The API server's address comes from the Pod's environment, its authority and the Pod's token from the files that
Kubernetes mounts (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/).
"""

import http
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assay.adapters.kms.connection import KmsConnection
from assay.adapters.kms.key import key_unknown
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.identity import PublicKey
from assay.domain.key_uri import KubernetesSecret
from assay.formats.public_key import parse_public_key
from assay.formats.signing_key import parse_signing_key, public_half

_SERVICE = "the Kubernetes API"
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LONGEST_TOKEN = 64 * 1024
_MEMBERS = ("cosign.key", "cosign.password", "cosign.pub")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMaterial:
    """What a secret holds of a key; each part may be empty."""

    private_pem: bytes = field(repr=False)
    password: bytes = field(repr=False)
    public_pem: bytes


class KubernetesSecretReader:
    """Reads the key in one secret, with the right `get` on that secret alone."""

    def __init__(self, uri: KubernetesSecret, connection: KmsConnection, *, account: Path) -> None:
        self._uri = uri
        self._connection = connection
        self._account = account

    @classmethod
    def open(
        cls, uri: KubernetesSecret, environment: Mapping[str, str], *, account: Path | None = None
    ) -> "KubernetesSecretReader":
        """Connect as a Pod does; `ConfigError(kms_not_configured)` outside of one."""
        account = account or _ACCOUNT
        host, port = (environment.get(f"KUBERNETES_SERVICE_{part}", "") for part in ("HOST", "PORT"))
        authority = account / "ca.crt"
        if not host or not port.isdecimal() or not authority.is_file():
            raise _not_configured("this is no Pod with a service account")
        address = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        return cls(uri, KmsConnection(address, service=_SERVICE, certificate_authority=authority), account=account)

    def fetch(self, deadline: Deadline) -> KeyMaterial:
        """The secret's members as bytes."""
        path = f"/api/v1/namespaces/{self._uri.namespace}/secrets/{self._uri.name}"
        headers = {"Authorization": f"Bearer {self._read_token()}", "Accept": "application/json"}
        status, answer = self._connection.call("GET", path, deadline, headers=headers)
        if status == http.HTTPStatus.NOT_FOUND:
            raise key_unknown(_SERVICE, self._uri)
        if status != http.HTTPStatus.OK:
            raise self._connection.unavailable(f"HTTP status {status}")
        members = answer.section("data") if answer.has("data") else None
        private, password, public = (
            members.octets(name) if members is not None and members.has(name) else b"" for name in _MEMBERS
        )
        if not private and not public:
            raise InvalidInput(
                "kms_key_unknown",
                f"the secret {self._uri} holds neither cosign.key nor cosign.pub",
                remedy="make it as cosign does: cosign generate-key-pair k8s://NAMESPACE/SECRET",
            )
        return KeyMaterial(private_pem=private, password=password, public_pem=public)

    def fetch_public_key(self, deadline: Deadline) -> PublicKey:
        """The public key: `cosign.pub`, else the public half of `cosign.key`."""
        material = self.fetch(deadline)
        if material.public_pem:
            return parse_public_key(material.public_pem)
        return public_half(parse_signing_key(material.private_pem, material.password))

    def _read_token(self) -> str:
        """The account's token; read for every call, because Kubernetes replaces the file."""
        try:
            with (self._account / "token").open("rb") as file:
                token = file.read(_LONGEST_TOKEN + 1).decode("ascii").strip()
        except (OSError, ValueError) as error:
            raise self._connection.unavailable("the service account's token cannot be read") from error
        if not token or len(token) > _LONGEST_TOKEN or not token.isprintable() or " " in token:
            raise self._connection.unavailable("the service account's token is none")
        return token


def _not_configured(why: str) -> ConfigError:
    return ConfigError(
        "kms_not_configured",
        f"{_SERVICE} cannot be reached: {why}",
        remedy="run in a Pod whose service account may get the secret",
    )
