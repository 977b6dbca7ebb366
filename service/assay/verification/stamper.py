"""Certificates of timestamp authorities: which of them may stamp."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.formats.public_key import accept_key
from assay.verification.extension import Extensions
from assay.verification.issuer import TIME_STAMPING


def check_stamper(certificate: x509.Certificate) -> None:
    """Refuse a certificate that may not sign timestamps.

    Required (RFC 3161, section 2.3): an extended key usage, critical, for time stamping alone. Also: not an authority,
    a key usage, if any, that allows signatures, nothing critical that is not enforced, a strong key. Not checked:
    chain and window. Raises `EvidenceRejected(timestamp_invalid)`.
    """
    try:
        extensions = Extensions.read(certificate)
        extensions.refuse_unprocessed()
        _check_end_entity(extensions)
        _check_extended_usage(extensions)
        accept_key(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm, InvalidInput) as error:
        raise timestamp_invalid(f"the certificate may not sign timestamps: {error}") from error


def _check_extended_usage(extensions: Extensions) -> None:
    extended = extensions.find(x509.ExtendedKeyUsage)
    if extended is None or not extended.critical or list(extended.value) != [TIME_STAMPING]:
        raise ValueError("its extended key usage is not critical and for time stamping alone")


def _check_end_entity(extensions: Extensions) -> None:
    constraints = extensions.find(x509.BasicConstraints)
    if constraints is not None and constraints.value.ca:
        raise ValueError("it is an authority")
    usage = extensions.find(x509.KeyUsage)
    if usage is not None and not (usage.value.digital_signature or usage.value.content_commitment):
        raise ValueError("its key usage does not allow signatures")


def timestamp_invalid(why: str) -> EvidenceRejected:
    """The rejection of a timestamp that does not hold."""
    return EvidenceRejected("timestamp_invalid", why, remedy="stamp again with a timestamp authority of the trust root")
