"""Certificates that issue others: what one must say about itself, and whether it issued another.

Source: RFC 5280, sections 4.2 and 6.1; the rules are those of a path validation without policies and revocation.
"""

import hashlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, SignatureAlgorithmOID

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.identity import PublicKey
from assay.formats.certificate import has_costly_key
from assay.formats.public_key import load_verifying_key
from assay.verification.window import Window

CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING
TIME_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING

_SIGNATURES = frozenset(
    {
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.RSASSA_PSS,
        SignatureAlgorithmOID.ED25519,
    }
)
_PROCESSED = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)
"""Extensions whose meaning is enforced; any other that is critical denies (RFC 5280, section 4.2)."""

_UNREADABLE = (
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    LookupError,
    Warning,
)
"""What reading the extensions of a crafted certificate raises."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerCertificate:
    """A certificate that may issue others, with what is needed again and again read once.

    `path_length` is the largest number of authorities between it and a leaf, None for any.
    """

    certificate: x509.Certificate
    der: bytes = field(repr=False)
    spki: bytes = field(repr=False)
    window: Window
    path_length: int | None

    @property
    def name(self) -> str:
        """The start of its fingerprint, for messages."""
        return hashlib.sha256(self.der).hexdigest()[:16]


def find_extension(certificate: x509.Certificate, kind: type[_Extension]) -> x509.Extension[_Extension] | None:
    """One extension of a certificate, None when it is not there; `ValueError` when extensions cannot be read."""
    try:
        # The library's own search asks every extension for its class, which costs more than all that follows.
        found = next((extension for extension in certificate.extensions if extension.oid == kind.oid), None)
        return cast("x509.Extension[_Extension] | None", found)
    except _UNREADABLE as error:
        raise ValueError("the extensions cannot be read") from error


def refuse_unprocessed(certificate: x509.Certificate) -> None:
    """Raise `ValueError` when the certificate restricts itself in a way that is not enforced here."""
    find_extension(certificate, x509.BasicConstraints)
    for extension in certificate.extensions:
        if extension.oid == ExtensionOID.NAME_CONSTRAINTS or (extension.critical and extension.oid not in _PROCESSED):
            raise ValueError(f"the extension {extension.oid.dotted_string} is not supported")


def validity(certificate: x509.Certificate) -> Window:
    """The window of a certificate; `ValueError` when it is empty."""
    return Window(start=certificate.not_valid_before_utc, end=certificate.not_valid_after_utc)


def read_issuer(certificate: x509.Certificate, purpose: x509.ObjectIdentifier) -> IssuerCertificate:
    """Read a certificate that may issue others for this purpose.

    Guaranteed: basic constraints, critical, saying that it is an authority; the usage to sign certificates; no
    extended usage, or one that includes the purpose; nothing critical that is not enforced; a strong key. Raises
    `EvidenceRejected(chain_invalid)`.
    """
    try:
        refuse_unprocessed(certificate)
        _check_usage(certificate, purpose)
        path_length = _read_path_length(certificate)
        spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        load_verifying_key(PublicKey(spki=spki))
        return IssuerCertificate(
            certificate=certificate,
            der=certificate.public_bytes(Encoding.DER),
            spki=spki,
            window=validity(certificate),
            path_length=path_length,
        )
    except (ValueError, UnsupportedAlgorithm, InvalidInput) as error:
        raise chain_invalid(f"a certificate cannot be an authority: {error}") from error


def _read_path_length(certificate: x509.Certificate) -> int | None:
    constraints = find_extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.critical or not constraints.value.ca:
        raise ValueError("it has no critical basic constraints that make it an authority")
    return constraints.value.path_length


def _check_usage(certificate: x509.Certificate, purpose: x509.ObjectIdentifier) -> None:
    usage = find_extension(certificate, x509.KeyUsage)
    if usage is None or not usage.value.key_cert_sign:
        raise ValueError("it may not sign certificates")
    extended = find_extension(certificate, x509.ExtendedKeyUsage)
    if extended is not None and not {purpose, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(extended.value):
        raise ValueError("it is an authority for other purposes")


class Issuance(Enum):
    """How a certificate relates to one that might have issued it."""

    ISSUED = "issued"
    OTHER = "other"
    """It names another issuer or an algorithm that is refused: no signature was verified."""
    FORGED = "forged"
    """It names this issuer, whose signature does not verify."""


def find_issuance(certificate: x509.Certificate, issuer: x509.Certificate) -> Issuance:
    """Whether `issuer` signed the certificate.

    Guaranteed by `ISSUED`: the names agree byte for byte, the inner and outer algorithms are the same and strong, and
    the signature verifies. Not checked: anything that the issuer says about itself (`read_issuer`).
    An issuer with a key that costs more than real ones do is `OTHER`.
    """
    try:
        if certificate.signature_algorithm_oid not in _SIGNATURES or has_costly_key(issuer):
            return Issuance.OTHER
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return Issuance.FORGED
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return Issuance.OTHER
    return Issuance.ISSUED


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether the certificate verifies under its own key: a root, which no evidence may bring."""
    return find_issuance(certificate, certificate) is Issuance.ISSUED


def chain_invalid(why: str) -> EvidenceRejected:
    """The rejection of a certificate that does not lead to a configured authority."""
    return EvidenceRejected("chain_invalid", why, remedy="sign with a certificate of a configured authority")
