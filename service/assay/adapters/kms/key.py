"""A key that lives in a service, and what a service does with it."""

from dataclasses import dataclass
from typing import Protocol

from assay.adapters.kms.answer import refuse_answer
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput
from assay.domain.identity import PublicKey
from assay.domain.signature_algorithm import SignatureAlgorithm
from assay.formats.pem import encode_pem
from assay.formats.public_key import parse_public_key


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceKey:
    """One version of a key: its public half, how it signs, and the name under which this very version signs."""

    public_key: PublicKey
    algorithm: SignatureAlgorithm
    version: str


class KeyService(Protocol):
    """One key in a service; raises `Unavailable` and `InvalidInput` only."""

    def fetch_key(self, deadline: Deadline) -> ServiceKey:
        """The version that signs now."""
        ...

    def sign(self, key: ServiceKey, message: bytes, deadline: Deadline) -> bytes:
        """The signature of that version over the message; DER for ECDSA. Not checked: that it verifies."""
        ...


def read_public_key(spki: bytes, *, service: str) -> PublicKey:
    """The public key that a service answered; `Unavailable(kms_answer_invalid)`, `InvalidInput(key_unsupported)`."""
    try:
        return parse_public_key(encode_pem("PUBLIC KEY", spki))
    except InvalidInput as error:
        if error.code == "key_malformed":
            raise refuse_answer(service, "its public key cannot be read") from error
        raise


def key_unknown(service: str, uri: object) -> InvalidInput:
    """The error for a key that is not there."""
    return InvalidInput("kms_key_unknown", f"{service} has no key {uri}", remedy="check the name and the address")


def key_unsupported(service: str, uri: object, what: str) -> InvalidInput:
    """The error for a key that is there and cannot be used."""
    return InvalidInput(
        "key_unsupported",
        f"{what} of the key {uri} in {service} is not accepted",
        remedy="use a signing key: ECDSA P-256, P-384 or P-521, Ed25519, or RSA of at least 2048 bits",
    )
