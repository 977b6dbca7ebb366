"""Private keys in files: `cosign.key` or PKCS#8."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from nacl.bindings import (
    crypto_sign_ed25519ph_final_create,
    crypto_sign_ed25519ph_state,
    crypto_sign_ed25519ph_update,
)

from assay.domain.errors import ConfigError
from assay.domain.identity import PublicKey
from assay.domain.key_kind import KeyKind
from assay.formats.private_key import NONCE_OCTETS, SALT_OCTETS, encrypt_private_key
from assay.formats.public_key import parse_public_key, render_public_key
from assay.formats.signing_key import (
    SigningKey,
    encode_signing_key,
    is_private_key,
    parse_signing_key,
    public_half,
)

_LARGEST = 64 * 1024
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_CURVES: dict[KeyKind, ec.EllipticCurve] = {
    KeyKind.ECDSA_P256: ec.SECP256R1(),
    KeyKind.ECDSA_P384: ec.SECP384R1(),
    KeyKind.ECDSA_P521: ec.SECP521R1(),
}
_RSA_SIZES = {KeyKind.RSA_2048: 2048, KeyKind.RSA_3072: 3072, KeyKind.RSA_4096: 4096}
_EXPONENT = 65537
_CURVE_HASHES: dict[str, HashAlgorithm] = {
    ec.SECP256R1.name: SHA256(),
    ec.SECP384R1.name: SHA384(),
    ec.SECP521R1.name: SHA512(),
}


class KeyFileSigner:
    """Signs with a key that was read once: ECDSA with the curve's own hash, RSA PKCS#1 v1.5 with SHA-256, Ed25519.

    `prehashed` makes an Ed25519 key sign as Ed25519ph, which is what logs that take no messages record.
    """

    def __init__(self, key: SigningKey, *, prehashed: bool = False) -> None:
        self._key = key
        self._public_key = public_half(key)
        self._prehashed = prehashed

    @classmethod
    def load(cls, path: Path, password: bytes) -> "KeyFileSigner":
        """Load a private key; the password is not looked at when the file is unencrypted.

        Raises `ConfigError`: `key_file_unreadable`, `key_file_exposed` when group or others have any access to the
        file. Raises `InvalidInput`: `key_malformed`, `key_password_wrong`, `key_unsupported`.
        """
        return cls(parse_signing_key(_read(path, forbidden=_OPEN_TO_OTHERS), password))

    def public_key(self) -> PublicKey:
        """The public half."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """The signature over the message: DER for ECDSA, the algorithm's own bytes otherwise."""
        key = self._key
        match key:
            case ec.EllipticCurvePrivateKey():
                return key.sign(message, ec.ECDSA(_CURVE_HASHES[key.curve.name]))
            case rsa.RSAPrivateKey():
                return key.sign(message, padding.PKCS1v15(), SHA256())
            case ed25519.Ed25519PrivateKey():
                return _sign_prehashed(key, message) if self._prehashed else key.sign(message)
            case _:
                assert_never(key)


def generate_key_pair(password: bytes, kind: KeyKind = KeyKind.ECDSA_P256) -> tuple[bytes, bytes]:
    """Make a fresh key: the contents of `cosign.key` (encrypted) and of `cosign.pub`."""
    key = _generate(kind)
    private_pem = encrypt_private_key(
        encode_signing_key(key), password, salt=os.urandom(SALT_OCTETS), nonce=os.urandom(NONCE_OCTETS)
    )
    return private_pem, render_public_key(public_half(key))


def _generate(kind: KeyKind) -> SigningKey:
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    if kind in _RSA_SIZES:
        return rsa.generate_private_key(_EXPONENT, _RSA_SIZES[kind])
    return ed25519.Ed25519PrivateKey.generate()


def _sign_prehashed(key: ed25519.Ed25519PrivateKey, message: bytes) -> bytes:
    state = crypto_sign_ed25519ph_state()
    crypto_sign_ed25519ph_update(state, message)
    secret = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    signature: bytes = crypto_sign_ed25519ph_final_create(state, secret)
    return signature


def _read(path: Path, *, forbidden: int = 0) -> bytes:
    """A file of at most 64 KiB; with a mode that is forbidden it is `ConfigError(key_file_exposed)`."""
    try:
        # Non-blocking: opening a named pipe must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise _unreadable(path, "it is not a regular file")
            if mode & forbidden:
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
    return ConfigError("key_file_unreadable", f"the key {path} cannot be read: {why}", remedy="check path and owner")


def load_any_public_key(path: Path, password: Callable[[], bytes]) -> PublicKey:
    """The key in a file, or the public half of the private key in it; the password is asked for when it is needed.

    Raises what `KeyFileSigner.load` and `parse_public_key` raise.
    """
    pem = _read(path)
    if is_private_key(pem):
        return KeyFileSigner.load(path, password()).public_key()
    return parse_public_key(pem)
