"""X.509 certificates as evidence carries them: DER in bundles, PEM in annotations."""

import re
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, InvalidVersion, load_der_x509_certificate
from cryptography.x509.oid import PublicKeyAlgorithmOID

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.der import read_elements, read_leading
from assay.formats.evidence_object import exceeded, malformed
from assay.formats.pem import decode_pem, encode_pem

_LABEL = "CERTIFICATE"
_RSA = frozenset({PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5, PublicKeyAlgorithmOID.RSASSA_PSS})
_LONGEST_RSA = 8192
_LONGEST_EXPONENT = 32
_VERSION = 0xA0
_END = re.compile(rf"(?<=-----END {_LABEL}-----)", re.ASCII)


def parse_certificate(der: bytes, *, what: str, limits: Limits) -> Certificate:
    """Parse one certificate of a piece of evidence.

    Not checked: anything that it says. Raises `InvalidInput(bundle_malformed | evidence_limit)`, naming `what`.
    """
    if len(der) > limits.token_octets:
        raise exceeded(what, f"it is longer than {limits.token_octets} bytes")
    try:
        certificate = load_der_x509_certificate(der)
        costly = has_costly_key(certificate)
    except (ValueError, InvalidVersion, UnsupportedAlgorithm, Warning) as error:
        raise malformed(what, "it is not a certificate") from error
    if costly:
        raise malformed(what, "its key is of a kind or size that nobody uses")
    return certificate


def has_costly_key(certificate: Certificate) -> bool:
    """Whether verifying with the certificate's key costs far more than with real ones: anybody can write such a key.

    These are DSA, RSA of more than 8192 bits, and RSA with an exponent of more than 32. Raises `ValueError` and
    `UnsupportedAlgorithm` for an RSA key that cannot be read.
    """
    algorithm = certificate.public_key_algorithm_oid
    if algorithm not in _RSA:
        return algorithm == PublicKeyAlgorithmOID.DSA
    key = certificate.public_key()
    return isinstance(key, RSAPublicKey) and (
        key.key_size > _LONGEST_RSA or key.public_numbers().e.bit_length() > _LONGEST_EXPONENT
    )


def parse_certificate_text(pem: str, *, what: str, limits: Limits) -> tuple[Certificate, ...]:
    """Parse the PEM certificates of an annotation, at least one.

    Raises `InvalidInput(bundle_malformed | evidence_limit)`, naming `what`.
    """
    blocks = [block for block in _END.split(pem, maxsplit=limits.chain_certificates + 1) if block.strip()]
    if len(blocks) > limits.chain_certificates:
        raise exceeded(what, f"more than {limits.chain_certificates} certificates")
    if not blocks:
        raise malformed(what, "it holds no certificate")
    return tuple(parse_certificate(_decode(block, what), what=what, limits=limits) for block in blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedParts:
    """What the signature of a certificate is about, byte for byte: all that is signed, the names in it.

    `serial` is the content of the serial number; `algorithms` are those inside and outside of what is signed.
    """

    signed: bytes = field(repr=False)
    serial: bytes
    issuer: bytes = field(repr=False)
    subject: bytes = field(repr=False)
    algorithms: tuple[bytes, bytes]


def read_signed_parts(der: bytes) -> SignedParts:
    """Take a certificate apart that was parsed before (RFC 5280, section 4.1).

    Raises `InvalidInput(der_malformed)` for what is none.
    """
    try:
        (certificate,) = read_elements(der, most=1)
        signed, algorithm, _ = certificate.members(most=3)
        members = read_leading(signed.content, count=6)
        serial, inner, issuer, _, subject = members[members[0].tag == _VERSION :][:5]
    except (ValueError, IndexError) as error:
        raise InvalidInput("der_malformed", "it is not a certificate", remedy="encode it again, in DER") from error
    return SignedParts(
        signed=signed.raw,
        serial=serial.content,
        issuer=issuer.raw,
        subject=subject.raw,
        algorithms=(inner.raw, algorithm.raw),
    )


def encode_certificate(certificate: Certificate) -> bytes:
    """The certificate in DER, as it was read."""
    return certificate.public_bytes(Encoding.DER)


def render_certificate(der: bytes) -> bytes:
    """Render a certificate in PEM."""
    return encode_pem(_LABEL, der)


def _decode(block: str, what: str) -> bytes:
    try:
        label, der = decode_pem(block.encode("utf-8", errors="replace"), what=what)
    except InvalidInput as error:
        raise malformed(what, "it is not PEM") from error
    if label != _LABEL:
        raise malformed(what, f"a PEM block is no {_LABEL}")
    return der
