"""Signed certificate timestamps: proof that a certificate was promised to a public log (RFC 6962)."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.certificate_transparency import (
    SignatureAlgorithm,
    SignedCertificateTimestamp,
)

from assay.domain.errors import EvidenceRejected
from assay.verification.chain import VerifiedIssuer
from assay.verification.extension import Extensions
from assay.verification.trust_root import CtKey, TrustRoot

_MOST = 8
_ECDSA = ec.ECDSA(SHA256())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_V1_CERTIFICATE_TIMESTAMP = b"\x00\x00"
_PRECERT_ENTRY = b"\x00\x01"


def verify_scts(leaf: x509.Certificate, issuer: VerifiedIssuer, root: TrustRoot) -> int:
    """Verify every embedded SCT of a known log, and return the number of logs that vouch for the certificate.

    Guaranteed: at least as many logs as the root's profile demands, each counted once; each SCT of a known log
    verifies over this certificate and its issuer's key, at a time inside that log's window. SCTs of unknown logs count
    for nothing. Raises `EvidenceRejected(sct_invalid | sct_missing)`, `evidence_limit` for more than eight.
    """
    scts = _read_scts(leaf)
    known = [(sct, log) for sct in scts if (log := root.ct_logs.get(sct.log_id)) is not None]
    for sct, log in known:
        _verify_sct(leaf, sct, issuer, log)
    logs = {log.log_id for _, log in known}
    if len(logs) < root.profile.scts:
        raise EvidenceRejected(
            "sct_missing",
            f"{len(logs)} trusted logs vouch for the certificate, {root.profile.scts} are required ({len(scts)} SCTs)",
            remedy="sign with a certificate that the trust root's certificate transparency logs know",
        )
    return len(logs)


def _read_scts(leaf: x509.Certificate) -> list[SignedCertificateTimestamp]:
    try:
        extension = Extensions.read(leaf).find(x509.PrecertificateSignedCertificateTimestamps)
    except ValueError as error:
        raise _invalid("the certificate's SCTs cannot be read") from error
    scts = list(extension.value) if extension is not None else []
    if len(scts) > _MOST:
        raise EvidenceRejected(
            "evidence_limit", f"the certificate has more than {_MOST} SCTs", remedy="sign with another certificate"
        )
    return scts


def _verify_sct(leaf: x509.Certificate, sct: SignedCertificateTimestamp, issuer: VerifiedIssuer, log: CtKey) -> None:
    time = _time_of(sct)
    if not log.window.contains(time):
        raise _invalid("an SCT is of a time at which its log's key is not trusted")
    if not _verifies(sct, log, _signed_octets(leaf, sct, time, issuer)):
        raise _invalid("an SCT's signature does not verify under its log's key")


def _time_of(sct: SignedCertificateTimestamp) -> datetime:
    try:
        return sct.timestamp.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise _invalid("an SCT's time does not exist") from error


def _signed_octets(
    leaf: x509.Certificate, sct: SignedCertificateTimestamp, time: datetime, issuer: VerifiedIssuer
) -> bytes:
    """What the log signed: RFC 6962, section 3.2, `digitally-signed` of a precertificate.

    The list of SCTs holds none of another version, and its certificate is far below 16 MiB: both were read already.
    """
    tbs = leaf.tbs_precertificate_bytes
    milliseconds = (time - _EPOCH) // timedelta(milliseconds=1)
    return b"".join(
        (
            _V1_CERTIFICATE_TIMESTAMP,
            milliseconds.to_bytes(8, "big"),
            _PRECERT_ENTRY,
            issuer.key_hash,
            len(tbs).to_bytes(3, "big"),
            tbs,
            len(sct.extension_bytes).to_bytes(2, "big"),
            sct.extension_bytes,
        )
    )


def _verifies(sct: SignedCertificateTimestamp, log: CtKey, signed: bytes) -> bool:
    if not isinstance(sct.signature_hash_algorithm, SHA256):
        return False
    try:
        match log.key, sct.signature_algorithm:
            case ec.EllipticCurvePublicKey(), SignatureAlgorithm.ECDSA:
                log.key.verify(sct.signature, signed, _ECDSA)
            case rsa.RSAPublicKey(), SignatureAlgorithm.RSA:
                log.key.verify(sct.signature, signed, padding.PKCS1v15(), SHA256())
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def _invalid(why: str) -> EvidenceRejected:
    return EvidenceRejected("sct_invalid", why, remedy="sign with a certificate that its log really knows")
