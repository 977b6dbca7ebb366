"""From a trusted root document to a `TrustRoot`: keys decoded, chains checked, windows attached, once for all."""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, EvidenceRejected, InvalidInput
from assay.domain.identity import PublicKey
from assay.formats.public_key import VerifyingKey, load_verifying_key
from assay.formats.trusted_root import AuthorityDocument, LogDocument, TrustedPeriod, TrustedRootDocument
from assay.verification.extension import Extensions
from assay.verification.issuer import (
    CODE_SIGNING,
    TIME_STAMPING,
    Issuance,
    IssuerCertificate,
    find_issuance,
    is_self_signed,
    read_issuer,
)
from assay.verification.stamper import check_stamper
from assay.verification.trust_root import (
    CertificateAuthority,
    CtKey,
    LogKey,
    TimestampAuthority,
    TrustProfile,
    TrustRoot,
)
from assay.verification.window import Window

_Log = TypeVar("_Log", LogKey, CtKey)


def _on_curve(curve: type[ec.EllipticCurve]) -> Callable[[VerifyingKey], bool]:
    return lambda key: isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, curve)


def _is_rsa(key: VerifyingKey) -> bool:
    return isinstance(key, rsa.RSAPublicKey)


def _is_ed25519(key: VerifyingKey) -> bool:
    return isinstance(key, ed25519.Ed25519PublicKey)


_KEY_DETAILS: dict[str, Callable[[VerifyingKey], bool]] = {
    "PKIX_ECDSA_P256_SHA_256": _on_curve(ec.SECP256R1),
    "PKIX_ECDSA_P384_SHA_384": _on_curve(ec.SECP384R1),
    "PKIX_ECDSA_P521_SHA_512": _on_curve(ec.SECP521R1),
    "PKIX_ED25519": _is_ed25519,
    "PKCS1_RSA_PKCS1V5": _is_rsa,
    "PKIX_RSA_PKCS1V5": _is_rsa,
    "PKIX_RSA_PKCS1V15_2048_SHA256": _is_rsa,
    "PKIX_RSA_PKCS1V15_3072_SHA256": _is_rsa,
    "PKIX_RSA_PKCS1V15_4096_SHA256": _is_rsa,
}
"""The kinds of key that logs may have, by their names in protobuf-specs (`PublicKeyDetails`)."""


def build_trust_root(document: TrustedRootDocument, profile: TrustProfile, name: str) -> TrustRoot:
    """Decode and check a trusted root.

    Guaranteed: every key is strong and of the kind it is said to be, with a start; every log is known by its own id;
    every chain is one of authorities that ends in a root which verifies under its own key. A timestamp authority whose
    certificate may not stamp is kept, with a warning, and verifies nothing. Raises `ConfigError(trusted_root_invalid)`
    naming the place.
    """
    with warnings.catch_warnings():
        # Certificates of real authorities have names that deserve a warning, and must load nevertheless.
        warnings.simplefilter("ignore")
        logs = [_build_log(log, _place("tlogs", number)) for number, log in enumerate(document.logs)]
        ct_logs = [_build_ct_log(log, _place("ctlogs", number)) for number, log in enumerate(document.ct_logs)]
        stampers = tuple(
            _build_timestamp_authority(authority, _place("timestampAuthorities", number))
            for number, authority in enumerate(document.timestamp_authorities)
        )
        authorities = tuple(
            _build_authority(authority, _place("certificateAuthorities", number))
            for number, authority in enumerate(document.certificate_authorities)
        )
    return TrustRoot(
        name=name,
        authorities=authorities,
        logs=_by_id(logs, "tlogs"),
        ct_logs=_by_id(ct_logs, "ctlogs"),
        timestamp_authorities=stampers,
        profile=profile,
        digest=_identify(document, profile),
        warnings=tuple(f"{stamper.uri or 'tsa'}: {stamper.unsuitable}" for stamper in stampers if stamper.unsuitable),
    )


def _identify(document: TrustedRootDocument, profile: TrustProfile) -> Digest:
    content = {"document": str(Digest.of(document.octets)), "profile": profile.document()}
    return Digest.of(json.dumps(content, sort_keys=True).encode("ascii"))


def _place(kind: str, number: int) -> str:
    return f"{kind}[{number}]"


def _by_id(logs: Iterable[_Log], place: str) -> Mapping[bytes, _Log]:
    table: dict[bytes, _Log] = {}
    for log in logs:
        if log.log_id in table:
            raise _invalid(place, f"the log id {log.log_id.hex()} occurs twice")
        table[log.log_id] = log
    return table


def _build_log(log: LogDocument, place: str) -> LogKey:
    key, spki_id = _load_key(log, place)
    generation = 1 if log.log_id == spki_id else 2
    if generation == 2 and not (_is_ed25519(key) and len(log.log_id) == hashlib.sha256().digest_size):
        raise _invalid(place, "its id is neither that of its key nor that of a note key (Ed25519)")
    name = log.base_url.partition("://")[2].rstrip("/")
    return LogKey(
        log_id=log.log_id,
        key=key,
        generation=generation,
        name=name,
        base_url=log.base_url,
        window=_key_window(log.period, place),
    )


def _build_ct_log(log: LogDocument, place: str) -> CtKey:
    key, spki_id = _load_key(log, place)
    if log.log_id != spki_id:
        raise _invalid(place, "its id is not that of its key")
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise _invalid(place, "a certificate transparency log signs with ECDSA or RSA")
    return CtKey(log_id=log.log_id, key=key, base_url=log.base_url, window=_key_window(log.period, place))


def _load_key(log: LogDocument, place: str) -> tuple[VerifyingKey, bytes]:
    """The key and the SHA-256 of its usual encoding; `PKCS1_` keys come without the frame that SPKI gives them."""
    try:
        key = load_verifying_key(PublicKey(spki=log.key))
    except InvalidInput as error:
        raise _invalid(place, error.message) from error
    is_of_kind = _KEY_DETAILS.get(log.key_details)
    if is_of_kind is None or not is_of_kind(key):
        raise _invalid(place, f"its key is not of the kind {log.key_details[:60]!r}, or that kind is not supported")
    return key, hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def _key_window(period: TrustedPeriod, place: str) -> Window:
    if period.start is None:
        raise _invalid(place, "nothing says from when it is believed")
    return _window(period, place)


def _window(period: TrustedPeriod, place: str) -> Window:
    try:
        return Window(start=period.start, end=period.end)
    except ValueError as error:
        raise _invalid(place, str(error)) from error


def _build_authority(authority: AuthorityDocument, place: str) -> CertificateAuthority:
    certificates = _load_certificates(authority, place)
    return CertificateAuthority(
        uri=authority.uri,
        issuers=_build_chain(certificates, CODE_SIGNING, place),
        window=_window(authority.period, place),
    )


def _build_timestamp_authority(authority: AuthorityDocument, place: str) -> TimestampAuthority:
    signer, *certificates = _load_certificates(authority, place)
    window = _key_window(authority.period, place)
    if _is_authority(signer, place):
        issuers = _build_chain([signer, *certificates], TIME_STAMPING, place)
        return TimestampAuthority(uri=authority.uri, signer=None, issuers=issuers, window=window)
    if not certificates or find_issuance(signer, certificates[0]) is not Issuance.ISSUED:
        raise _invalid(place, "its first certificate was not issued by the second")
    return TimestampAuthority(
        uri=authority.uri,
        signer=signer,
        issuers=_build_chain(certificates, TIME_STAMPING, place),
        window=window,
        unsuitable=_find_defect(signer),
    )


def _find_defect(signer: x509.Certificate) -> str:
    try:
        check_stamper(signer)
    except EvidenceRejected as error:
        return error.message
    return ""


def _is_authority(certificate: x509.Certificate, place: str) -> bool:
    try:
        constraints = Extensions.read(certificate).find(x509.BasicConstraints)
    except ValueError as error:
        raise _invalid(place, str(error)) from error
    return constraints is not None and constraints.value.ca


def _load_certificates(authority: AuthorityDocument, place: str) -> list[x509.Certificate]:
    try:
        return [x509.load_der_x509_certificate(der) for der in authority.certificates]
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise _invalid(place, "a certificate cannot be decoded") from error


def _build_chain(
    certificates: list[x509.Certificate], purpose: x509.ObjectIdentifier, place: str
) -> tuple[IssuerCertificate, ...]:
    """Every certificate may issue, was issued by the next one, and leaves room for those below it."""
    try:
        chain = tuple(read_issuer(certificate, purpose) for certificate in certificates)
    except EvidenceRejected as error:
        raise _invalid(place, error.message) from error
    for below, (issuer, next_issuer) in enumerate(pairwise(chain)):
        if find_issuance(issuer.certificate, next_issuer.certificate) is not Issuance.ISSUED:
            raise _invalid(place, f"the certificate {issuer.name} was not issued by the next one")
        if next_issuer.path_length is not None and next_issuer.path_length <= below:
            raise _invalid(place, f"the certificate {next_issuer.name} allows fewer certificates below it")
    if not is_self_signed(chain[-1].certificate):
        raise _invalid(place, "its last certificate is not a root: it does not verify under its own key")
    return chain


def _invalid(place: str, why: str) -> ConfigError:
    return ConfigError("trusted_root_invalid", f"{place}: {why}", remedy="take the file from its publisher")
