"""Certificates of timestamp authorities: which of them may stamp."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.identity import PublicKey
from assay.formats.public_key import load_verifying_key
from assay.verification.issuer import TIME_STAMPING, find_extension, refuse_unprocessed


def check_stamper(certificate: x509.Certificate) -> None:
    """Refuse a certificate that may not sign timestamps.

    Required (RFC 3161, section 2.3): an extended key usage, critical, for time stamping alone. Also: not an authority,
    a key usage, if any, that allows signatures, nothing critical that is not enforced, a strong key. Not checked:
    chain and window. Raises `EvidenceRejected(timestamp_invalid)`.
    """
    try:
        refuse_unprocessed(certificate)
        _check_end_entity(certificate)
        _check_extended_usage(certificate)
        spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        load_verifying_key(PublicKey(spki=spki))
    except (ValueError, UnsupportedAlgorithm, InvalidInput) as error:
        raise timestamp_invalid(f"the certificate may not sign timestamps: {error}") from error


def _check_extended_usage(certificate: x509.Certificate) -> None:
    extended = find_extension(certificate, x509.ExtendedKeyUsage)
    if extended is None or not extended.critical or list(extended.value) != [TIME_STAMPING]:
        raise ValueError("its extended key usage is not critical and for time stamping alone")


def _check_end_entity(certificate: x509.Certificate) -> None:
    constraints = find_extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.value.ca:
        raise ValueError("it is an authority")
    usage = find_extension(certificate, x509.KeyUsage)
    if usage is not None and not (usage.value.digital_signature or usage.value.content_commitment):
        raise ValueError("its key usage does not allow signatures")


def timestamp_invalid(why: str) -> EvidenceRejected:
    """The rejection of a timestamp that does not hold."""
    return EvidenceRejected("timestamp_invalid", why, remedy="stamp again with a timestamp authority of the trust root")
