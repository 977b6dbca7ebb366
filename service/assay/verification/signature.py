"""Signatures and the keys they must verify under."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from nacl.bindings import (
    crypto_sign_ed25519ph_final_verify,
    crypto_sign_ed25519ph_state,
    crypto_sign_ed25519ph_update,
)
from nacl.exceptions import CryptoError

from assay.domain.digest import Digest
from assay.domain.errors import EvidenceRejected
from assay.domain.identity import Authority, PublicKey
from assay.formats.public_key import VerifyingKey, load_verifying_key
from assay.formats.untrusted_evidence import HashName
from assay.verification.message import Message

_ED25519_OCTETS = 64
_ECDSA = {
    HashName.SHA256: ec.ECDSA(Prehashed(SHA256())),
    HashName.SHA384: ec.ECDSA(Prehashed(SHA384())),
    HashName.SHA512: ec.ECDSA(Prehashed(SHA512())),
}
"""Signatures over a digest that has been computed already; made once, because making them is not free."""
_CURVES: dict[str, dict[HashName, str]] = {
    ec.SECP256R1.name: {HashName.SHA256: "PKIX_ECDSA_P256_SHA_256"},
    ec.SECP384R1.name: {
        HashName.SHA384: "PKIX_ECDSA_P384_SHA_384",
        HashName.SHA256: "PKIX_ECDSA_P384_SHA_256",
    },
    ec.SECP521R1.name: {
        HashName.SHA512: "PKIX_ECDSA_P521_SHA_512",
        HashName.SHA256: "PKIX_ECDSA_P521_SHA_256",
    },
}
"""The curve's own hash first; SHA-256 because signers exist that use it with every curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How a signature verified: over which hash, and the name of algorithm and key size (PublicKeyDetails)."""

    hash: HashName
    key_details: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A configured key, ready for use, and who holds it: authorities by name, each with its own window of the key."""

    spki: bytes
    key_id: Digest
    holders: tuple[tuple[str, PublicKey], ...]
    verifying_key: VerifyingKey

    @property
    def authorities(self) -> tuple[str, ...]:
        """The names of all authorities that hold the key."""
        return tuple(dict.fromkeys(name for name, _ in self.holders))

    def authorities_at(self, times: Sequence[datetime]) -> tuple[str, ...]:
        """The names of those authorities for whom the key counts at these verified times."""
        return tuple(dict.fromkeys(name for name, key in self.holders if key.counts_at(times)))


def trusted_keys(authorities: Sequence[Authority]) -> tuple[TrustedKey, ...]:
    """Every configured key once, in the order of the configuration.

    Raises `InvalidInput(key_malformed | key_unsupported)`: such a key cannot come from `parse_public_key`.
    """
    holders: dict[bytes, list[tuple[str, PublicKey]]] = {}
    for authority in authorities:
        for key in authority.keys:
            holders.setdefault(key.spki, []).append((authority.name, key))
    return tuple(
        TrustedKey(
            spki=spki,
            key_id=found[0][1].key_id,
            holders=tuple(found),
            verifying_key=load_verifying_key(found[0][1]),
        )
        for spki, found in holders.items()
    )


def find_signer(
    keys: Sequence[TrustedKey], *, message: Message, signature: bytes, declared: HashName | None = None
) -> tuple[TrustedKey, Scheme]:
    """The configured key under which the signature verifies over the message, and how.

    Only configured keys are tried, whatever the evidence hints at. `declared` is the only hash that the signature may
    be over. Raises `EvidenceRejected(signature_invalid)`.
    """
    for key in keys:
        scheme = find_scheme(key.verifying_key, message=message, signature=signature, declared=declared)
        if scheme is not None:
            return key, scheme
    raise EvidenceRejected(
        "signature_invalid",
        f"the signature verifies under none of the {len(keys)} configured keys",
        remedy="sign with a key of a configured authority",
    )


def find_scheme(
    key: VerifyingKey, *, message: Message, signature: bytes, declared: HashName | None = None
) -> Scheme | None:
    """How the signature verifies under a key, None when it does not.

    ECDSA P-256 with SHA-256, P-384 and P-521 with the curve's hash or SHA-256; RSA PKCS#1 v1.5 and PSS with SHA-256;
    Ed25519 and Ed25519ph, both of which need the message's bytes.
    """
    match key:
        case ec.EllipticCurvePublicKey():
            return _find_ecdsa(key, message, signature, declared)
        case rsa.RSAPublicKey():
            return _find_rsa(key, message, signature, declared)
        case ed25519.Ed25519PublicKey():
            return _find_ed25519(key, message, signature, declared)
        case _:
            assert_never(key)


def verifies(key: VerifyingKey, *, message: bytes, signature: bytes) -> bool:
    """Whether a log signed this with its key: as `find_scheme`, without Ed25519ph, which logs do not use."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return _verifies_ed25519(key, message, signature)
    return find_scheme(key, message=Message(octets=message), signature=signature) is not None


def _find_ecdsa(
    key: ec.EllipticCurvePublicKey, message: Message, signature: bytes, declared: HashName | None
) -> Scheme | None:
    for name, details in _CURVES[key.curve.name].items():
        digest = message.digest(name) if declared in {None, name} else None
        if digest is not None and _verifies_ecdsa(key, digest, signature, _ECDSA[name]):
            return Scheme(hash=name, key_details=details)
    return None


def _find_rsa(key: rsa.RSAPublicKey, message: Message, signature: bytes, declared: HashName | None) -> Scheme | None:
    digest = message.digest(HashName.SHA256)
    if digest is None or declared not in {None, HashName.SHA256}:
        return None
    pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.AUTO)
    for name, scheme in (("PKCS1V15", padding.PKCS1v15()), ("PSS", pss)):
        if _verifies_rsa(key, digest, signature, scheme):
            return Scheme(hash=HashName.SHA256, key_details=f"PKIX_RSA_{name}_{key.key_size}_SHA256")
    return None


def _find_ed25519(
    key: ed25519.Ed25519PublicKey, message: Message, signature: bytes, declared: HashName | None
) -> Scheme | None:
    octets = message.join() if declared in {None, HashName.SHA512} else None
    if octets is None:
        return None
    if _verifies_ed25519(key, octets, signature):
        return Scheme(hash=HashName.SHA512, key_details="PKIX_ED25519")
    if _verifies_ed25519ph(key, octets, signature):
        return Scheme(hash=HashName.SHA512, key_details="PKIX_ED25519_PH")
    return None


def _verifies_ecdsa(key: ec.EllipticCurvePublicKey, digest: bytes, signature: bytes, algorithm: ec.ECDSA) -> bool:
    try:
        key.verify(signature, digest, algorithm)
    except InvalidSignature:
        return False
    return True


def _verifies_rsa(
    key: rsa.RSAPublicKey, digest: bytes, signature: bytes, scheme: padding.PKCS1v15 | padding.PSS
) -> bool:
    try:
        key.verify(signature, digest, scheme, Prehashed(SHA256()))
    except InvalidSignature:
        return False
    return True


def _verifies_ed25519(key: ed25519.Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _verifies_ed25519ph(key: ed25519.Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    if len(signature) != _ED25519_OCTETS:
        return False
    state = crypto_sign_ed25519ph_state()
    crypto_sign_ed25519ph_update(state, message)
    try:
        return bool(crypto_sign_ed25519ph_final_verify(state, signature, key.public_bytes_raw()))
    except CryptoError:
        return False
