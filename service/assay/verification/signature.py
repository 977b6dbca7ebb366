"""Signatures and the configured keys they must verify under."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from assay.domain.digest import Digest
from assay.domain.errors import EvidenceRejected
from assay.domain.identity import Authority, PublicKey
from assay.formats.public_key import VerifyingKey, load_verifying_key

_CURVE_HASHES: dict[str, tuple[HashAlgorithm, ...]] = {
    ec.SECP256R1.name: (SHA256(),),
    ec.SECP384R1.name: (SHA384(), SHA256()),
    ec.SECP521R1.name: (SHA512(), SHA256()),
}
"""The curve's own hash first; SHA-256 because signers exist that use it with every curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A configured key, ready for use, with the names of all authorities that hold it."""

    key_id: Digest
    authorities: tuple[str, ...]
    verifying_key: VerifyingKey


def trusted_keys(authorities: Sequence[Authority]) -> tuple[TrustedKey, ...]:
    """Every configured key once, in the order of the configuration.

    Raises `InvalidInput(key_malformed | key_unsupported)`: such a key cannot come from `parse_public_key`.
    """
    holders: dict[PublicKey, list[str]] = {}
    for authority in authorities:
        for key in authority.keys:
            names = holders.setdefault(key, [])
            if authority.name not in names:
                names.append(authority.name)
    return tuple(
        TrustedKey(key_id=key.key_id, authorities=tuple(names), verifying_key=load_verifying_key(key))
        for key, names in holders.items()
    )


def find_signer(keys: Sequence[TrustedKey], *, message: bytes, signature: bytes) -> TrustedKey:
    """The configured key under which the signature verifies over the message.

    Only configured keys are tried, whatever the evidence hints at. Raises `EvidenceRejected(signature_invalid)`.
    """
    for key in keys:
        if _verifies(key.verifying_key, message, signature):
            return key
    raise EvidenceRejected(
        "signature_invalid",
        f"the signature verifies under none of the {len(keys)} configured keys",
        remedy="sign with a key of a configured authority",
    )


def _verifies(key: VerifyingKey, message: bytes, signature: bytes) -> bool:
    match key:
        case ec.EllipticCurvePublicKey():
            return any(_verifies_ecdsa(key, message, signature, digest) for digest in _CURVE_HASHES[key.curve.name])
        case rsa.RSAPublicKey():
            pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.AUTO)
            return any(_verifies_rsa(key, message, signature, scheme) for scheme in (padding.PKCS1v15(), pss))
        case ed25519.Ed25519PublicKey():
            return _verifies_ed25519(key, message, signature)
        case _:
            assert_never(key)


def _verifies_ecdsa(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes, digest: HashAlgorithm) -> bool:
    try:
        key.verify(signature, message, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def _verifies_rsa(
    key: rsa.RSAPublicKey, message: bytes, signature: bytes, scheme: padding.PKCS1v15 | padding.PSS
) -> bool:
    try:
        key.verify(signature, message, scheme, SHA256())
    except InvalidSignature:
        return False
    return True


def _verifies_ed25519(key: ed25519.Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
