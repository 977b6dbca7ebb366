"""What a log entry must say: the expected body is built from our evidence and compared byte for byte.

Nothing in a logged body is believed. What cannot be computed (the hash of an envelope's text that a bundle does not
keep) is taken over as a value of fixed form, and everything around it is built.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from assay.domain.digest import Digest
from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.formats.base64text import decode_base64, encode_base64
from assay.formats.dsse import Envelope
from assay.formats.log_entry import LogEntry
from assay.formats.pem import decode_pem, encode_pem
from assay.formats.strict_json import parse_json
from assay.verification.signature import Scheme
from assay.verification.trust_root import LogKey

_ENVELOPE_HASH = re.compile(rb'"(?:envelopeHash|hash)":\{"algorithm":"sha256","value":"([0-9a-f]{64})"\}')
_LONGEST_UPLOAD = 256 * 1024
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_REKOR_V2_HASHES = {"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """What the signature verified under: the DER of a certificate or of a public key."""

    der: bytes = field(repr=False)
    is_certificate: bool

    @property
    def label(self) -> str:
        """The label of the PEM block."""
        return "CERTIFICATE" if self.is_certificate else "PUBLIC KEY"

    @property
    def pem(self) -> str:
        """Base64 of the PEM text, as logs of the first generation hold it."""
        return encode_base64(encode_pem(self.label, self.der))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedSignature:
    """The verified signature that an entry has to be about.

    `digest` is that of the signed bytes under the scheme's hash; `envelope` is None when no envelope was signed.
    """

    signature: bytes
    scheme: Scheme
    digest: bytes
    verifier: Verifier
    envelope: Envelope | None


def verify_log_body(entry: LogEntry, log: LogKey, logged: LoggedSignature) -> None:
    """Return when the entry's body is, byte for byte, the one that logging this signature gives.

    Raises `EvidenceRejected(log_entry_kind_unsupported)` for a kind that logs of this generation do not have, and
    `log_entry_mismatch`.
    """
    build = _BUILDERS[log.generation].get((entry.kind, entry.version))
    if build is None:
        raise EvidenceRejected(
            "log_entry_kind_unsupported",
            f"a log entry {entry.kind[:40]!r} {entry.version[:20]!r} is not verified",
            remedy="sign again with a current tool",
        )
    if build(logged, entry.body) != entry.body:
        raise _mismatch("the log entry is not that of this signature, key and content")


def _mismatch(why: str) -> EvidenceRejected:
    return EvidenceRejected("log_entry_mismatch", why, remedy="sign again")


def build_hashedrekord_001(logged: LoggedSignature, _: bytes = b"") -> bytes:
    """Build the entry of a signature over a digest, which is also what such a log is sent."""
    return _rekord("hashedrekord", logged, {})


def _rekord_001(logged: LoggedSignature, _: bytes) -> bytes:
    return _rekord("rekord", logged, {"format": "x509"})


def _rekord(kind: str, logged: LoggedSignature, extra: Mapping[str, str]) -> bytes:
    if logged.envelope is not None:
        raise _mismatch("the log entry is that of a file, the signature that of an envelope")
    spec = {
        "data": {"hash": {"algorithm": logged.scheme.hash.value, "value": logged.digest.hex()}},
        "signature": {
            "content": encode_base64(logged.signature),
            "publicKey": {"content": logged.verifier.pem},
            **extra,
        },
    }
    return _canonical("0.0.1", kind, spec)


def _hashedrekord_002(logged: LoggedSignature, _: bytes) -> bytes:
    material = "x509Certificate" if logged.verifier.is_certificate else "publicKey"
    spec = {
        "hashedRekordV002": {
            "data": {
                "algorithm": _REKOR_V2_HASHES[logged.scheme.hash.value],
                "digest": encode_base64(logged.digest),
            },
            "signature": {
                "content": encode_base64(logged.signature),
                "verifier": {
                    "keyDetails": logged.scheme.key_details,
                    material: {"rawBytes": encode_base64(logged.verifier.der)},
                },
            },
        }
    }
    return _canonical("0.0.2", "hashedrekord", spec)


def _dsse_001(logged: LoggedSignature, body: bytes) -> bytes:
    envelope = _envelope(logged)
    spec = {
        "envelopeHash": _hash(_envelope_hash(envelope, body)),
        "payloadHash": _hash(Digest.of(envelope.untrusted_payload).hex),
        "signatures": [{"signature": encode_base64(logged.signature), "verifier": logged.verifier.pem}],
    }
    return _canonical("0.0.1", "dsse", spec)


def _intoto_001(logged: LoggedSignature, body: bytes) -> bytes:
    envelope = _envelope(logged)
    content = {
        "hash": _hash(_envelope_hash(envelope, body)),
        "payloadHash": _hash(Digest.of(envelope.untrusted_payload).hex),
    }
    return _canonical("0.0.1", "intoto", {"content": content, "publicKey": logged.verifier.pem})


def _intoto_002(logged: LoggedSignature, body: bytes) -> bytes:
    envelope = _envelope(logged)
    uploaded = _uploaded_envelope(body)
    signature: dict[str, object] = {
        "publicKey": _uploaded_key(uploaded, logged.verifier),
        "sig": _twice(logged.signature),
    }
    if "keyid" in _uploaded_signature(uploaded):
        signature["keyid"] = envelope.key_hint
    rebuilt: dict[str, object] = {"payloadType": envelope.payload_type, "signatures": [signature]}
    if "payload" in uploaded:
        rebuilt["payload"] = _twice(envelope.untrusted_payload)
    content = {
        "envelope": rebuilt,
        "hash": _hash(_envelope_hash(envelope, body)),
        "payloadHash": _hash(Digest.of(envelope.untrusted_payload).hex),
    }
    return _canonical("0.0.2", "intoto", {"content": content})


def _uploaded_envelope(body: bytes) -> Mapping[str, object]:
    # Only three choices of the uploader are read from here: which members there are, and the layout of the PEM.
    try:
        document = parse_json(body, what="the log entry", largest=len(body), depth=8, structure=100)
    except InvalidInput as error:
        raise _mismatch(error.message) from error
    for name in ("spec", "content", "envelope"):
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def _uploaded_signature(uploaded: Mapping[str, object]) -> Mapping[str, object]:
    match uploaded.get("signatures"):
        case [dict() as signature]:
            return signature
        case _:
            return {}


def _uploaded_key(uploaded: Mapping[str, object], verifier: Verifier) -> str:
    text = _uploaded_signature(uploaded).get("publicKey")
    if not isinstance(text, str) or len(text) > _LONGEST_UPLOAD:
        raise _mismatch("the log entry holds no key")
    try:
        label, der = decode_pem(
            decode_base64(text, what="the logged key", code="log_entry_mismatch"), what="the logged key"
        )
    except InvalidInput as error:
        raise _mismatch(error.message) from error
    if (label, der) != (verifier.label, verifier.der):
        raise _mismatch("the log entry is that of another key or certificate")
    return text


def _envelope(logged: LoggedSignature) -> Envelope:
    if logged.envelope is None:
        raise _mismatch("the log entry is that of an envelope, the signature is not")
    return logged.envelope


def _envelope_hash(envelope: Envelope, body: bytes) -> str:
    if envelope.octets is not None:
        return Digest.of(envelope.octets).hex
    found = _ENVELOPE_HASH.search(body)
    if found is None:
        raise _mismatch("the log entry names no hash of an envelope")
    return found[1].decode("ascii")


def _hash(value: str) -> dict[str, str]:
    return {"algorithm": "sha256", "value": value}


def _twice(octets: bytes) -> str:
    return encode_base64(encode_base64(octets).encode("ascii"))


def _canonical(version: str, kind: str, spec: object) -> bytes:
    # Strings, lists and objects only: sorted keys without blanks are the canonical form (RFC 8785).
    document = {"apiVersion": version, "kind": kind, "spec": spec}
    return _ENCODER.encode(document).encode("utf-8")


_BUILDERS: dict[int, dict[tuple[str, str], Callable[[LoggedSignature, bytes], bytes]]] = {
    1: {
        ("hashedrekord", "0.0.1"): build_hashedrekord_001,
        ("rekord", "0.0.1"): _rekord_001,
        ("dsse", "0.0.1"): _dsse_001,
        ("intoto", "0.0.1"): _intoto_001,
        ("intoto", "0.0.2"): _intoto_002,
    },
    2: {("hashedrekord", "0.0.2"): _hashedrekord_002},
}
