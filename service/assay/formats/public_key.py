"""Public keys: SubjectPublicKeyInfo in PEM, strong algorithms only."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from assay.domain.errors import InvalidInput
from assay.domain.identity import PublicKey
from assay.formats.pem import decode_pem, encode_pem

VerifyingKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

_LABEL = "PUBLIC KEY"
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_SHORTEST_RSA = 2048


def parse_public_key(pem: bytes) -> PublicKey:
    """Parse one public key: ECDSA P-256, P-384 or P-521, Ed25519, or RSA of at least 2048 bits.

    The result holds the key in its usual encoding, so that one key has one identity. Raises
    `InvalidInput(key_malformed)`, and `key_unsupported` for every other algorithm or strength.
    """
    label, der = decode_pem(pem, what="the public key")
    if label != _LABEL:
        raise _unsupported(f"a PEM block {label!r}")
    key = _load(der)
    return PublicKey(spki=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def load_verifying_key(key: PublicKey) -> VerifyingKey:
    """The usable form of a key, under the rules and with the errors of `parse_public_key`."""
    return _load(key.spki)


def render_public_key(key: PublicKey) -> bytes:
    """Render the key in PEM."""
    return encode_pem(_LABEL, key.spki)


def _load(spki: bytes) -> VerifyingKey:
    try:
        key = load_der_public_key(spki)
    except UnsupportedAlgorithm as error:
        raise _unsupported("an algorithm or curve") from error
    except ValueError as error:
        raise InvalidInput(
            "key_malformed", "the public key cannot be decoded", remedy="export it again (SubjectPublicKeyInfo, PEM)"
        ) from error
    return accept_key(key)


def accept_key(key: object) -> VerifyingKey:
    """The same key when signatures by it are accepted, else `InvalidInput(key_unsupported)`."""
    match key:
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, _CURVES):
            return key
        case rsa.RSAPublicKey() if key.key_size >= _SHORTEST_RSA:
            return key
        case ed25519.Ed25519PublicKey():
            return key
        case ec.EllipticCurvePublicKey():
            raise _unsupported(f"the curve {key.curve.name}")
        case rsa.RSAPublicKey():
            raise _unsupported(f"RSA with {key.key_size} bits")
        case _:
            raise _unsupported("an algorithm")


def _unsupported(what: str) -> InvalidInput:
    return InvalidInput(
        "key_unsupported",
        f"{what} of a public key is not accepted",
        remedy="use ECDSA P-256, P-384 or P-521, Ed25519, or RSA of at least 2048 bits",
    )
