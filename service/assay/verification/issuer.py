"""Certificates that issue others: what one must say about itself, and whether it issued another.

Source: RFC 5280, sections 4.2 and 6.1; the rules are those of a path validation without policies and revocation.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.formats.certificate import SignedParts, encode_certificate, has_costly_key, read_signed_parts
from assay.formats.public_key import VerifyingKey, accept_key
from assay.verification.extension import Extensions
from assay.verification.window import Window

CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING
TIME_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING

_ECDSA = {
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: ec.ECDSA(SHA256()),
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: ec.ECDSA(SHA384()),
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: ec.ECDSA(SHA512()),
}
VerifySigned = Callable[[bytes, bytes, x509.ObjectIdentifier], None]
"""Of signature, signed bytes and algorithm: returns when the signature verifies, else raises `InvalidSignature`."""
_REMEMBERED = 256
_LARGEST_REMEMBERED = 8 * 1024
_SIGNATURES = frozenset(
    {
        *_ECDSA,
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.RSASSA_PSS,
        SignatureAlgorithmOID.ED25519,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerCertificate:
    """A certificate that may issue others, with what is needed again and again read once.

    `path_length` is the largest number of authorities between it and a leaf, None for any. `verify` verifies signatures
    by its key over certificates; it is None for keys that are left to the library.
    """

    certificate: x509.Certificate
    der: bytes = field(repr=False)
    parts: SignedParts = field(repr=False)
    verify: VerifySigned | None = field(repr=False, compare=False)
    spki: bytes = field(repr=False)
    window: Window
    path_length: int | None

    @property
    def name(self) -> str:
        """The start of its fingerprint, for messages."""
        return hashlib.sha256(self.der).hexdigest()[:16]


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
        extensions = Extensions.read(certificate)
        extensions.refuse_unprocessed()
        _check_usage(extensions, purpose)
        path_length = _read_path_length(extensions)
        key = accept_key(certificate.public_key())
        der = encode_certificate(certificate)
        return IssuerCertificate(
            certificate=certificate,
            der=der,
            parts=read_signed_parts(der),
            verify=_verify_with(key),
            spki=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            window=validity(certificate),
            path_length=path_length,
        )
    except (ValueError, UnsupportedAlgorithm, InvalidInput) as error:
        raise chain_invalid(f"a certificate cannot be an authority: {error}") from error


def _read_path_length(extensions: Extensions) -> int | None:
    constraints = extensions.find(x509.BasicConstraints)
    if constraints is None or not constraints.critical or not constraints.value.ca:
        raise ValueError("it has no critical basic constraints that make it an authority")
    return constraints.value.path_length


def _check_usage(extensions: Extensions, purpose: x509.ObjectIdentifier) -> None:
    usage = extensions.find(x509.KeyUsage)
    if usage is None or not usage.value.key_cert_sign:
        raise ValueError("it may not sign certificates")
    extended = extensions.find(x509.ExtendedKeyUsage)
    if extended is not None and not {purpose, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(extended.value):
        raise ValueError("it is an authority for other purposes")


def _verify_with(key: VerifyingKey) -> VerifySigned | None:
    """What verifies signatures by this key, and remembers those that it has verified.

    Whether a signature verifies depends on nothing but key, signature, signed bytes and algorithm, and those are what
    is remembered; a signature that does not verify raises, and is not. Everything else is checked every time.
    """
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return None

    @lru_cache(maxsize=_REMEMBERED)
    def remember(signature: bytes, signed: bytes, algorithm: x509.ObjectIdentifier) -> None:
        key.verify(signature, signed, _ECDSA[algorithm])

    def verify(signature: bytes, signed: bytes, algorithm: x509.ObjectIdentifier) -> None:
        if len(signed) > _LARGEST_REMEMBERED:
            key.verify(signature, signed, _ECDSA[algorithm])
        else:
            remember(signature, signed, algorithm)

    return verify


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


def find_known_issuance(certificate: x509.Certificate, parts: SignedParts, issuer: IssuerCertificate) -> Issuance:
    """As `find_issuance`, by an issuer that has been read: its key need not be decoded again.

    `parts` are those of the certificate.
    """
    if parts.issuer != issuer.parts.subject:
        return Issuance.OTHER
    if issuer.verify is None or certificate.signature_algorithm_oid not in _ECDSA:
        return find_issuance(certificate, issuer.certificate)
    if parts.algorithms[0] != parts.algorithms[1]:
        return Issuance.OTHER
    try:
        issuer.verify(certificate.signature, parts.signed, certificate.signature_algorithm_oid)
    except InvalidSignature:
        return Issuance.FORGED
    return Issuance.ISSUED


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether the certificate verifies under its own key: a root, which no evidence may bring."""
    return find_issuance(certificate, certificate) is Issuance.ISSUED


def chain_invalid(why: str) -> EvidenceRejected:
    """The rejection of a certificate that does not lead to a configured authority."""
    return EvidenceRejected("chain_invalid", why, remedy="sign with a certificate of a configured authority")
