"""Private keys in files: `cosign.key` or unencrypted PKCS#8."""

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.identity import PublicKey
from assay.formats.pem import decode_pem
from assay.formats.private_key import (
    ENCRYPTED_LABELS,
    NONCE_OCTETS,
    SALT_OCTETS,
    decrypt_private_key,
    encrypt_private_key,
)
from assay.formats.public_key import render_public_key

_LARGEST = 64 * 1024
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyFileSigner:
    """Signs with an ECDSA P-256 key that was read once from a file."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._public_key = _public_half(key)

    @classmethod
    def load(cls, path: Path, password: bytes) -> "KeyFileSigner":
        """Load a private key; the password is not looked at when the file is unencrypted.

        Raises `ConfigError`: `key_file_unreadable`, `key_file_exposed` when group or others have any access to the
        file. Raises `InvalidInput`: `key_malformed`, `key_password_wrong`, `key_unsupported` for anything but P-256.
        """
        pem = _read_private_file(path)
        label, der = decode_pem(pem, what="the private key")
        if label in ENCRYPTED_LABELS:
            der = decrypt_private_key(pem, password)
        elif label != "PRIVATE KEY":
            raise _unsupported(f"a PEM block {label!r}")
        return cls(_decode(der))

    def public_key(self) -> PublicKey:
        """The public half."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """The DER signature over the message's SHA-256."""
        return self._key.sign(message, ec.ECDSA(SHA256()))


def generate_key_pair(password: bytes) -> tuple[bytes, bytes]:
    """Make a fresh ECDSA P-256 key: the contents of `cosign.key` (encrypted) and of `cosign.pub`."""
    key = ec.generate_private_key(ec.SECP256R1())
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    private_pem = encrypt_private_key(der, password, salt=os.urandom(SALT_OCTETS), nonce=os.urandom(NONCE_OCTETS))
    return private_pem, render_public_key(_public_half(key))


def _read_private_file(path: Path) -> bytes:
    try:
        # Non-blocking: opening a named pipe must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise _unreadable(path, "it is not a regular file")
            if mode & _OPEN_TO_OTHERS:
                raise ConfigError(
                    "key_file_exposed",
                    f"others than its owner have access to the private key {path}",
                    remedy=f"chmod 600 {path}; make a new key if somebody may have read it",
                )
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be opened") from error
    if len(content) > _LARGEST:
        raise _unreadable(path, f"it has more than {_LARGEST} bytes")
    return content


def _unreadable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        "key_file_unreadable", f"the private key {path} cannot be read: {why}", remedy="check path and owner"
    )


def _decode(der: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_der_private_key(der, password=None)
    except UnsupportedAlgorithm as error:
        raise _unsupported("an algorithm or curve") from error
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            "key_malformed", "the private key cannot be decoded", remedy="export it again as unencrypted PKCS#8"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _unsupported("another algorithm than ECDSA P-256")
    return key


def _unsupported(what: str) -> InvalidInput:
    return InvalidInput(
        "key_unsupported", f"{what} of a private key is not accepted", remedy="make a key: assay keys generate"
    )


def _public_half(key: ec.EllipticCurvePrivateKey) -> PublicKey:
    return PublicKey(spki=key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
