"""Private keys that sign: `cosign.key` and PKCS#8 in, public half and algorithm out."""

from typing import assert_never

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from assay.domain.errors import InvalidInput
from assay.domain.identity import PublicKey
from assay.domain.signature_algorithm import SignatureAlgorithm
from assay.formats.der import INTEGER, SEQUENCE, Element, read_elements
from assay.formats.pem import decode_pem
from assay.formats.private_key import ENCRYPTED_LABELS, decrypt_private_key
from assay.formats.public_key import accept_key, load_verifying_key

SigningKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_WHAT = "the private key"
_PLAIN_LABEL = "PRIVATE KEY"
_ENCRYPTED_LABEL = "ENCRYPTED PRIVATE KEY"
_PBES2 = bytes.fromhex("2a864886f70d01050d")
_PBKDF2 = bytes.fromhex("2a864886f70d01050c")
_MOST_ITERATIONS = 10_000_000


def is_private_key(pem: bytes) -> bool:
    """Whether the PEM block is one that `parse_signing_key` reads; raises `InvalidInput(key_malformed)` for no PEM."""
    label, _ = decode_pem(pem, what="the key")
    return label in {*ENCRYPTED_LABELS, _PLAIN_LABEL, _ENCRYPTED_LABEL}


def parse_signing_key(pem: bytes, password: bytes) -> SigningKey:
    """Parse a private key: `cosign.key`, or PKCS#8 in the clear or encrypted (PBES2 with PBKDF2).

    The password is not looked at when the key is in the clear. Accepted are the keys whose signatures are accepted.
    No file can ask for more than 128 MiB or 10^7 rounds. Raises `InvalidInput`: `key_malformed`, `key_unsupported`,
    `key_password_wrong`.
    """
    label, der = decode_pem(pem, what=_WHAT)
    if label in ENCRYPTED_LABELS:
        return _decode(decrypt_private_key(pem, password))
    if label == _PLAIN_LABEL:
        return _decode(der)
    if label == _ENCRYPTED_LABEL:
        _limit_cost(der)
        return _decode(der, password)
    raise _unsupported(f"a PEM block {label!r}")


def encode_signing_key(key: SigningKey) -> bytes:
    """The key as PKCS#8 DER, in the clear."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def public_half(key: SigningKey) -> PublicKey:
    """The public half of a key."""
    return PublicKey(spki=key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def signature_algorithm(key: PublicKey) -> SignatureAlgorithm:
    """The algorithm that Assay signs with under this key: for ECDSA the curve's own hash, for RSA PKCS#1 v1.5.

    Raises `InvalidInput(key_malformed | key_unsupported)`.
    """
    from_curve = {
        ec.SECP256R1.name: SignatureAlgorithm.ECDSA_P256_SHA256,
        ec.SECP384R1.name: SignatureAlgorithm.ECDSA_P384_SHA384,
        ec.SECP521R1.name: SignatureAlgorithm.ECDSA_P521_SHA512,
    }
    loaded = load_verifying_key(key)
    match loaded:
        case ec.EllipticCurvePublicKey():
            return from_curve[loaded.curve.name]
        case rsa.RSAPublicKey():
            return SignatureAlgorithm.RSA_PKCS1_SHA256
        case ed25519.Ed25519PublicKey():
            return SignatureAlgorithm.ED25519
        case _:
            assert_never(loaded)


def _limit_cost(der: bytes) -> None:
    """Refuse what a decoder would compute for hours: EncryptedPrivateKeyInfo (RFC 5958) by PBES2 (RFC 8018) only."""
    try:
        algorithm = _members(_members(read_elements(der)[0])[0])
        parameters = _members(algorithm[1])
        derivation = _members(parameters[0])
        iterations = _members(derivation[1])[1]
    except (InvalidInput, IndexError) as error:
        raise _malformed() from error
    if (algorithm[0].content, derivation[0].content) != (_PBES2, _PBKDF2):
        raise _unsupported("an encryption other than PBES2 with PBKDF2")
    if iterations.tag != INTEGER or not 0 < int.from_bytes(iterations.content, "big") <= _MOST_ITERATIONS:
        raise _unsupported(f"more than {_MOST_ITERATIONS} rounds for the password")


def _members(element: Element) -> list[Element]:
    if element.tag != SEQUENCE:
        raise _malformed()
    return element.members()


def _decode(der: bytes, password: bytes | None = None) -> SigningKey:
    try:
        key = load_der_private_key(der, password=password)
    except UnsupportedAlgorithm as error:
        raise _unsupported("an algorithm or curve") from error
    except (ValueError, TypeError) as error:
        if password is None:
            raise _malformed() from error
        raise InvalidInput(
            "key_password_wrong", f"{_WHAT} does not open with this password", remedy="check the password"
        ) from error
    return _accept(key)


def _accept(key: object) -> SigningKey:
    if not isinstance(key, SigningKey):
        raise _unsupported("an algorithm")
    accept_key(key.public_key())
    return key


def _malformed() -> InvalidInput:
    return InvalidInput("key_malformed", f"{_WHAT} cannot be decoded", remedy="export it again as PKCS#8")


def _unsupported(what: str) -> InvalidInput:
    return InvalidInput(
        "key_unsupported", f"{what} of a private key is not accepted", remedy="make a key: assay keys generate"
    )
