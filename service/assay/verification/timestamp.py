"""Timestamps of timestamp authorities (RFC 3161); one that does not hold rejects the evidence that brings it."""

import hashlib
import warnings
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.formats.certificate import encode_certificate, read_signed_parts
from assay.formats.timestamp_token import TimestampToken, parse_timestamp_token
from assay.verification.chain import Anchor, find_path
from assay.verification.issuer import TIME_STAMPING, validity
from assay.verification.stamper import check_stamper, timestamp_invalid
from assay.verification.trust_root import TimestampAuthority, TrustRoot
from assay.verification.window import Window

_MOST = 32
_LARGEST = 64 * 1024
_HASHES = {"sha256": SHA256(), "sha384": SHA384(), "sha512": SHA512()}
_ECDSA = {
    bytes.fromhex("2a8648ce3d040302"): SHA256(),
    bytes.fromhex("2a8648ce3d040303"): SHA384(),
    bytes.fromhex("2a8648ce3d040304"): SHA512(),
}
_RSA = {
    bytes.fromhex("2a864886f70d01010b"): "sha256",
    bytes.fromhex("2a864886f70d01010c"): "sha384",
    bytes.fromhex("2a864886f70d01010d"): "sha512",
}
_RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")
_ED25519 = bytes.fromhex("2b6570")
_Signers = dict[tuple[bytes, bytes], tuple[Window, ...]]
"""Signers that tokens of one piece of evidence brought: by root and certificate, the windows of the path between."""


def verify_timestamps(tokens: Sequence[bytes], stamped: bytes, root: TrustRoot) -> tuple[datetime, ...]:
    """Verify every token over `stamped`, the bytes that were stamped, and return their times in the given order.

    Guaranteed for each time: a timestamp authority of the root made the token, inside its window, the window of the
    certificate that signed and those of all its issuers; the token is over these very bytes with SHA-256, 384 or 512.
    Not checked: whether there are as many as the profile demands. Raises `EvidenceRejected(timestamp_invalid)`, also
    for two equal tokens, and `evidence_limit` for more than 32 tokens or one of more than 64 KiB.
    """
    if len(tokens) > _MOST or any(len(token) > _LARGEST for token in tokens):
        raise EvidenceRejected(
            "evidence_limit", f"more than {_MOST} timestamps, or one above {_LARGEST} bytes", remedy="send fewer"
        )
    if len(set(tokens)) != len(tokens):
        raise timestamp_invalid("the same timestamp is there twice")
    try:
        parsed = [parse_timestamp_token(response) for response in tokens]
        _require_imprints(parsed, stamped)
        signers: _Signers = {}
        return tuple(
            _verify_token(token, root, response, signers) for token, response in zip(parsed, tokens, strict=True)
        )
    except InvalidInput as error:
        raise timestamp_invalid(error.message) from error


def _require_imprints(tokens: Sequence[TimestampToken], stamped: bytes) -> None:
    """Every token is over these bytes, before any signature is verified."""
    digests = {name: hashlib.new(name, stamped).digest() for name in {token.imprint_hash for token in tokens}}
    if any(token.imprint != digests[token.imprint_hash] for token in tokens):
        raise timestamp_invalid("a timestamp is of something else than this signature")


def _verify_token(token: TimestampToken, root: TrustRoot, response: bytes, signers: _Signers) -> datetime:
    """The token's time by the first authority that vouches for it; else the reason of the last that was asked."""
    reason = timestamp_invalid("no timestamp authority of the trust root made a timestamp")
    for authority in root.timestamp_authorities:
        try:
            if authority.signer is not None and _is_named(encode_certificate(authority.signer), token):
                return _verify_pinned(authority, authority.signer, token)
            if authority.signer is None:
                return _verify_embedded(authority, token, response, signers)
        except EvidenceRejected as error:
            reason = error
    raise reason


def _is_named(der: bytes, token: TimestampToken) -> bool:
    """Whether the token's signer names this certificate: issuer and serial number, byte for byte."""
    parts = read_signed_parts(der)
    return (parts.serial, parts.issuer) == (token.serial, token.issuer)


def _verify_pinned(authority: TimestampAuthority, signer: x509.Certificate, token: TimestampToken) -> datetime:
    """Verify by a configured signer: the chain above it was verified when the root was loaded."""
    if authority.unsuitable:
        raise timestamp_invalid(authority.unsuitable)
    if token.certificates and signer.public_bytes(Encoding.DER) not in token.certificates:
        raise timestamp_invalid("a timestamp brings another certificate than that of its authority")
    windows = [authority.window, validity(signer), *(issuer.window for issuer in authority.issuers)]
    if not all(window.contains(token.time) for window in windows):
        raise timestamp_invalid("a timestamp is of a time at which its authority is not trusted")
    _verify_signature(signer, token)
    return token.time


def _verify_embedded(
    authority: TimestampAuthority, token: TimestampToken, response: bytes, signers: _Signers
) -> datetime:
    """Verify by a signer that the token brings; it and its issuers must lead to the authority's root.

    A signer whose path another token has shown already need not be led there again: that all of the path was valid at
    this time, and that this signer made the token, is verified for every token. At either end of a window, where
    opinions differ, everything is asked again.
    """
    certificates = _load_certificates(token)
    named = [der for der in token.certificates if _is_named(der, token)]
    if len(named) != 1:
        raise timestamp_invalid("a timestamp does not bring the one certificate that signed it")
    signer = certificates.pop(named[0])
    windows = signers.get((authority.issuers[-1].der, named[0]))
    if windows is not None and all(window.surrounds(token.time) for window in windows):
        _verify_signature(signer, token)
        return token.time
    check_stamper(signer)
    anchor = Anchor(issuers=authority.issuers, window=authority.window)
    try:
        issuer = find_path(signer, [*certificates.values()], [anchor], [token.time], purpose=TIME_STAMPING)
    except EvidenceRejected as error:
        raise timestamp_invalid(error.message) from error
    _verify_signature(signer, token)
    _confirm(authority, signer, token, response)
    signers[authority.issuers[-1].der, named[0]] = issuer.windows
    return token.time


def _load_certificates(token: TimestampToken) -> dict[bytes, x509.Certificate]:
    """The certificates that the token brings, by their DER."""
    try:
        return {der: x509.load_der_x509_certificate(der) for der in token.certificates}
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm, Warning) as error:
        raise timestamp_invalid("a timestamp brings a certificate that cannot be read") from error


def _verify_signature(signer: x509.Certificate, token: TimestampToken) -> None:
    """The signer's key over the attributes, and the attributes over the content and the signer's certificate."""
    der = signer.public_bytes(Encoding.DER)
    if any(hashlib.new(name, der, usedforsecurity=False).digest() != value for name, value in token.certificate_ids):
        raise timestamp_invalid("a timestamp names another certificate than its signer's")
    if hashlib.new(token.digest_hash, token.content).digest() != token.content_digest:
        raise timestamp_invalid("a timestamp's signature is over another content")
    try:
        signed = _verify_attributes(signer, token)
    except InvalidSignature:
        signed = False
    if not signed:
        raise timestamp_invalid("a timestamp's signature does not verify")


def _verify_attributes(signer: x509.Certificate, token: TimestampToken) -> bool:
    """False for an algorithm that is not accepted with this key; raises `InvalidSignature`."""
    algorithm, signed = token.algorithm, token.signed_octets
    match signer.public_key():
        case ec.EllipticCurvePublicKey() as key if algorithm in _ECDSA:
            key.verify(token.signature, signed, ec.ECDSA(_ECDSA[algorithm]))
        case rsa.RSAPublicKey() as key if _RSA.get(algorithm, "") == token.digest_hash or algorithm == _RSA_ENCRYPTION:
            key.verify(token.signature, signed, padding.PKCS1v15(), _HASHES[token.digest_hash])
        case ed25519.Ed25519PublicKey() as key if algorithm == _ED25519:
            key.verify(token.signature, signed)
        case _:
            return False
    return True


def _confirm(authority: TimestampAuthority, signer: x509.Certificate, token: TimestampToken, response: bytes) -> None:
    """A second opinion on what no configured certificate pins: rfc3161-client must accept the token too."""
    verifier = VerifierBuilder(
        tsa_certificate=signer,
        intermediates=[issuer.certificate for issuer in authority.issuers[:-1]],
        roots=[authority.issuers[-1].certificate],
    ).build()
    try:
        with warnings.catch_warnings():
            # It compares names as text; those of real certificates may deserve a warning.
            warnings.simplefilter("ignore")
            verifier.verify(decode_timestamp_response(response), token.imprint)
    except (VerificationError, ValueError, TypeError, KeyError) as error:
        raise timestamp_invalid(f"a timestamp does not verify: {str(error)[:200]}") from error
