"""The `trusted_root.json` of fake parties, with windows of the test's choice."""

from collections.abc import Mapping
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.certificate import NOW, YEAR, FakeCertificateAuthority, FakeCtLog, PrivateKey, spki
from tests.fakes.timestamping import FakeTimestampAuthority
from tests.fakes.transparency import FakeLog, Json, b64

Span = tuple[datetime | None, datetime | None]
"""A window: start and end, each None for open."""
ALWAYS: Span = (NOW - 5 * YEAR, None)


def render_trusted_root(
    *,
    authority: FakeCertificateAuthority,
    ct_log: FakeCtLog,
    logs: Mapping[str, FakeLog],
    tsa: FakeTimestampAuthority,
    windows: Mapping[str, Span],
) -> Json:
    """Render a trust root; a party without a window is trusted from five years before `NOW` on, without an end."""
    span = {name: windows.get(name, ALWAYS) for name in ("authority", "ct_log", "tsa", *logs)}
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [render_log(log, span[name]) for name, log in logs.items()],
        "certificateAuthorities": [
            render_authority(authority.chain, "https://fulcio.test", span["authority"]),
        ],
        "ctlogs": [
            {
                "baseUrl": f"https://{ct_log.name}.test",
                "hashAlgorithm": "SHA2_256",
                "publicKey": _render_key(ct_log.key, "PKIX_ECDSA_P256_SHA_256", span["ct_log"]),
                "logId": {"keyId": b64(ct_log.log_id)},
            }
        ],
        "timestampAuthorities": [render_authority(tsa.chain, "https://tsa.test/api/v1/timestamp", span["tsa"])],
    }


def render_log(log: FakeLog, span: Span) -> Json:
    """An item of `tlogs`."""
    kind = "ed25519" if log.generation == 2 else log.kind
    details = {"ed25519": "PKIX_ED25519", "p384": "PKIX_ECDSA_P384_SHA_384"}.get(kind, "PKIX_ECDSA_P256_SHA_256")
    return {
        "baseUrl": f"https://{log.name}",
        "hashAlgorithm": "SHA2_256",
        "publicKey": _render_key(log.key, details, span),
        "logId": {"keyId": b64(log.log_id)},
    }


def render_authority(chain: tuple[x509.Certificate, ...], uri: str, span: Span) -> Json:
    """An item of `certificateAuthorities` or `timestampAuthorities`."""
    certificates = [{"rawBytes": b64(certificate.public_bytes(Encoding.DER))} for certificate in chain]
    return {
        "subject": {"organization": "sigstore.test", "commonName": uri},
        "uri": uri,
        "certChain": {"certificates": certificates},
        "validFor": _render_span(span),
    }


def pem_of_key(key: PrivateKey) -> bytes:
    """The public half in PEM, as clients upload it to a log."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _render_key(key: PrivateKey, details: str, span: Span) -> Json:
    return {"rawBytes": b64(spki(key)), "keyDetails": details, "validFor": _render_span(span)}


def _render_span(span: Span) -> Json:
    start, end = span
    return {
        **({"start": _render_time(start)} if start else {}),
        **({"end": _render_time(end)} if end else {}),
    }


def _render_time(time: datetime) -> str:
    return time.isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
