"""Keys in Kubernetes secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from assay.adapters.kms.key import key_unknown
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput
from assay.domain.identity import PublicKey
from assay.domain.key_uri import KubernetesSecret
from assay.formats.public_key import parse_public_key
from assay.formats.signing_key import parse_signing_key, public_half

FetchSecret = Callable[[str, str, Deadline], Mapping[str, bytes] | None]
"""Fetches the members of a secret by namespace and name, None when there is none; raises `Unavailable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMaterial:
    """What a secret holds of a key; each part may be empty."""

    private_pem: bytes = field(repr=False)
    password: bytes = field(repr=False)
    public_pem: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSecretReader:
    """Reads the key in one secret, with the right `get` on that secret alone."""

    uri: KubernetesSecret
    fetch_secret: FetchSecret

    def fetch(self, deadline: Deadline) -> KeyMaterial:
        """The secret's members as bytes."""
        members = self.fetch_secret(self.uri.namespace, self.uri.name, deadline)
        if members is None:
            raise key_unknown("the Kubernetes API", self.uri)
        private, password, public = (members.get(f"cosign.{part}", b"") for part in ("key", "password", "pub"))
        if not private and not public:
            raise InvalidInput(
                "kms_key_unknown",
                f"the secret {self.uri} holds neither cosign.key nor cosign.pub",
                remedy="make it as cosign does: cosign generate-key-pair k8s://NAMESPACE/SECRET",
            )
        return KeyMaterial(private_pem=private, password=password, public_pem=public)

    def fetch_public_key(self, deadline: Deadline) -> PublicKey:
        """The public key: `cosign.pub`, else the public half of `cosign.key`."""
        material = self.fetch(deadline)
        if material.public_pem:
            return parse_public_key(material.public_pem)
        return public_half(parse_signing_key(material.private_pem, material.password))
