"""Trusted roots: who issues certificates, keeps logs and stamps times, and from when to when each is believed.

Source: Sigstore `trusted_root.json` (protobuf-specs, `sigstore_trustroot.proto`), in its JSON form.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.evidence_object import EvidenceObject

MEDIA_TYPES = frozenset(
    {
        "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
        "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    }
)
_TRUST_CONFIG = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_MOST = 100
"""Logs or authorities of one kind; roots in use have fewer than ten."""
_MOST_CERTIFICATES = 10
_LARGEST = 1024 * 1024
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})",
    re.ASCII,
)

_ROOT = frozenset({"mediaType", "tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities"})
_LOG = frozenset({"baseUrl", "hashAlgorithm", "publicKey", "logId", "checkpointKeyId", "operator"})
_KEY = frozenset({"rawBytes", "keyDetails", "validFor"})
_AUTHORITY = frozenset({"subject", "uri", "certChain", "validFor", "operator"})
_CONFIG = frozenset({"mediaType", "trustedRoot", "signingConfig", "signing_config"})

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedPeriod:
    """From when to when something is believed, both ends included; None means that this end is open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogDocument:
    """A transparency log or certificate transparency log: `key` is SPKI or PKCS#1, as `key_details` says."""

    base_url: str
    log_id: bytes
    key: bytes = field(repr=False)
    key_details: str
    period: TrustedPeriod


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityDocument:
    """A certificate or timestamp authority: its certificates in DER, the one that signs first, the root last."""

    uri: str
    certificates: tuple[bytes, ...] = field(repr=False)
    period: TrustedPeriod


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedRootDocument:
    """A trusted root as it is written; nothing in it has been decoded further or checked for sense."""

    octets: bytes = field(repr=False)
    logs: tuple[LogDocument, ...]
    ct_logs: tuple[LogDocument, ...]
    certificate_authorities: tuple[AuthorityDocument, ...]
    timestamp_authorities: tuple[AuthorityDocument, ...]


def parse_trusted_root(octets: bytes, *, limits: Limits) -> TrustedRootDocument:
    """Parse a trusted root, or a client trust configuration that holds one.

    Guaranteed: every member is known and of its type; times have a zone. Not checked: keys, certificates, ids and
    periods (`verification.trust_root`). Raises `InvalidInput(trusted_root_invalid)` naming the place.
    """
    try:
        if len(octets) > _LARGEST:
            raise _invalid("the trusted root", f"it is longer than {_LARGEST} bytes")
        return _read_root(octets, _find_root(octets, limits))
    except InvalidInput as error:
        raise InvalidInput("trusted_root_invalid", error.message, remedy="take the file from its publisher") from error


def _find_root(octets: bytes, limits: Limits) -> EvidenceObject:
    what = "the trusted root"
    document = EvidenceObject.parse(octets, what=what, known=_ROOT | _CONFIG, limits=limits)
    if document.text("mediaType") == _TRUST_CONFIG:
        return EvidenceObject.of(document.members, what=what, known=_CONFIG).section("trustedRoot", known=_ROOT)
    _check_media_type(document)
    return EvidenceObject.of(document.members, what=what, known=_ROOT)


def _check_media_type(document: EvidenceObject) -> None:
    if document.text("mediaType") not in MEDIA_TYPES:
        raise _invalid(document.what, "its media type is unknown")


def _read_root(octets: bytes, root: EvidenceObject) -> TrustedRootDocument:
    _check_media_type(root)
    return TrustedRootDocument(
        octets=octets,
        logs=_each(root, "tlogs", _LOG, _read_log),
        ct_logs=_each(root, "ctlogs", _LOG, _read_log),
        certificate_authorities=_each(root, "certificateAuthorities", _AUTHORITY, _read_authority),
        timestamp_authorities=_each(root, "timestampAuthorities", _AUTHORITY, _read_authority),
    )


def _each(
    parent: EvidenceObject, name: str, known: frozenset[str], read: Callable[[EvidenceObject], _Read]
) -> tuple[_Read, ...]:
    return tuple(
        read(EvidenceObject.of(value, what=f"{parent.what}.{name}[{number}]", known=known))
        for number, value in enumerate(parent.items(name, most=_MOST))
    )


def _read_log(log: EvidenceObject) -> LogDocument:
    if (algorithm := log.text("hashAlgorithm", default="SHA2_256")) != "SHA2_256":
        raise _invalid(log.what, f"the hash algorithm {algorithm[:40]!r} is not SHA2_256")
    key = log.section("publicKey", known=_KEY)
    return LogDocument(
        base_url=log.text("baseUrl", default=""),
        log_id=log.section("logId", known={"keyId"}).octets("keyId"),
        key=key.octets("rawBytes"),
        key_details=key.text("keyDetails"),
        period=read_period(key),
    )


def _read_authority(authority: EvidenceObject) -> AuthorityDocument:
    chain = authority.section("certChain", known={"certificates"})
    certificates = tuple(
        EvidenceObject.of(value, what=f"{chain.what}.certificates[{number}]", known={"rawBytes"}).octets("rawBytes")
        for number, value in enumerate(chain.items("certificates", most=_MOST_CERTIFICATES))
    )
    if not certificates:
        raise _invalid(authority.what, "it has no certificate")
    return AuthorityDocument(
        uri=authority.text("uri", default=""), certificates=certificates, period=read_period(authority)
    )


def read_period(parent: EvidenceObject) -> TrustedPeriod:
    """Read the `validFor` of a log, an authority or a service; raises `InvalidInput` naming the place."""
    if not parent.has("validFor"):
        return TrustedPeriod()
    period = parent.section("validFor", known={"start", "end"})
    return TrustedPeriod(start=_read_time(period, "start"), end=_read_time(period, "end"))


def _read_time(period: EvidenceObject, name: str) -> datetime | None:
    if not period.has(name):
        return None
    written = _TIME.fullmatch(period.text(name))
    if written is None:
        raise _invalid(f"{period.what}.{name}", "it is not a time of RFC 3339")
    fraction = (written[2] or "")[:6].ljust(6, "0")
    # Nanoseconds are rounded into the window: never trusted earlier or later than written.
    finer = name == "start" and bool((written[2] or "")[6:].strip("0"))
    try:
        time = datetime.fromisoformat(f"{written[1]}.{fraction}{written[3].replace('Z', '+00:00')}").astimezone(UTC)
        return time + timedelta(microseconds=1) if finer else time
    except (ValueError, OverflowError) as error:
        raise _invalid(f"{period.what}.{name}", "there is no such time") from error


def _invalid(what: str, why: str) -> InvalidInput:
    return InvalidInput("trusted_root_invalid", f"{what}: {why}", remedy="take the file from its publisher")
