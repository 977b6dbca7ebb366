"""Evidence as it was read: one value for every shape, so that every shape goes through the same steps."""

from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.x509 import Certificate

from assay.formats.dsse import Envelope
from assay.formats.log_entry import LogEntry


class HashName(StrEnum):
    """The hashes that a signature may be over, by the names that logs use."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSignature:
    """A signature over an artefact that is not part of the evidence.

    `hint` is what the bundle says the artefact's digest is, under which hash; None when it says nothing.
    """

    signature: bytes = field(repr=False)
    hint: tuple[HashName, bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPayload:
    """A simple-signing payload with its detached signature; untrusted until that has been verified."""

    untrusted_payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedEvidence:
    """A piece of evidence, read and not verified.

    `certificates` has the signer's first and then those that may complete its chain; it is empty for evidence of a
    public key. `signer_der` is the first of them as it was read. `stamped` are the bytes that `timestamps` (tokens in
    DER) have to stamp. `chain_in_new_bundle` tells that a version 0.3 bundle has a certificate chain, which only some
    trust roots allow. `format` is `cosign` (legacy) or `bundle`.
    """

    format: str
    content: Envelope | MessageSignature | SignedPayload
    stamped: bytes = field(repr=False)
    certificates: tuple[Certificate, ...] = ()
    signer_der: bytes = field(default=b"", repr=False)
    chain_in_new_bundle: bool = False
    log_entries: tuple[LogEntry, ...] = ()
    timestamps: tuple[bytes, ...] = field(default=(), repr=False)
