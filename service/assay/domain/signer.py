"""Signers: who made a signature that verified."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.domain.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySigner:
    """A configured public key."""

    key_id: Digest

    @property
    def id(self) -> Digest:
        """The identity under which the key counts once."""
        return self.key_id

    def __str__(self) -> str:
        return f"key {self.key_id.hex[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerIdentity:
    """The identity that a verified certificate was issued to.

    `issuer` is the OIDC issuer, empty when the certificate names none. `san_type` is `uri`, `email` or `other_name`.
    `extensions` are the other claims of the issuer, by their names. `ValueError` without a subject.
    """

    issuer: str
    san: str
    san_type: str
    extensions: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.san or not self.san_type:
            raise ValueError("an identity needs a subject and its type")

    @property
    def id(self) -> Digest:
        """The identity under which the signer counts once: issuer and subject, whatever the extensions say."""
        return Digest.of(json.dumps([self.issuer, self.san_type, self.san]).encode("ascii"))

    def __str__(self) -> str:
        return f"{self.san} ({self.issuer})" if self.issuer else self.san


Signer = KeySigner | SignerIdentity
