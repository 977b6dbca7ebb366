"""Signature algorithms: how a key signs."""

import hashlib
from enum import StrEnum


class SignatureAlgorithm(StrEnum):
    """The algorithms that Assay signs with, by their names in Sigstore's algorithm registry.

    The registry knows RSA keys by their size; the scheme is the same for all of them, so the size is left out here.
    """

    ECDSA_P256_SHA256 = "ecdsa-sha2-256-nistp256"
    ECDSA_P384_SHA384 = "ecdsa-sha2-384-nistp384"
    ECDSA_P521_SHA512 = "ecdsa-sha2-512-nistp521"
    ED25519 = "ed25519"
    ED25519PH = "ed25519-ph"
    RSA_PKCS1_SHA256 = "rsa-sign-pkcs1-sha256"

    @property
    def hash_name(self) -> str:
        """The hash that is signed, empty for Ed25519, which signs the message itself."""
        return _HASHES[self]

    def digest(self, message: bytes) -> bytes:
        """The digest of the message that is signed; the message itself for Ed25519."""
        return hashlib.new(self.hash_name, message).digest() if self.hash_name else message


_HASHES = {
    SignatureAlgorithm.ECDSA_P256_SHA256: "sha256",
    SignatureAlgorithm.ECDSA_P384_SHA384: "sha384",
    SignatureAlgorithm.ECDSA_P521_SHA512: "sha512",
    SignatureAlgorithm.ED25519: "",
    SignatureAlgorithm.ED25519PH: "sha512",
    SignatureAlgorithm.RSA_PKCS1_SHA256: "sha256",
}
