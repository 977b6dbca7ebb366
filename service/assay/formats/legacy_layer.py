"""Writing legacy evidence: the layers of `.sig` and `.att` tags, and the manifests that hold them (cosign 1 and 2)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.x509 import Certificate

from assay.domain.descriptor import DSSE_ENVELOPE, OCI_CONFIG, OCI_MANIFEST, SIMPLE_SIGNING, Descriptor
from assay.domain.digest import Digest
from assay.domain.limit import Limits
from assay.formats.base64text import encode_base64
from assay.formats.bundle import parse_bundle
from assay.formats.certificate import encode_certificate, render_certificate
from assay.formats.dsse import Envelope
from assay.formats.legacy_evidence import BUNDLE, CERTIFICATE, CHAIN, PREDICATE_TYPE, SIGNATURE, TIMESTAMP
from assay.formats.log_entry import LogEntry
from assay.formats.untrusted_evidence import MessageSignature, UntrustedEvidence

_BEGIN_OF_TIME = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyLayer:
    """One signature or attestation: the layer's content and its annotations, sorted by name."""

    media_type: str
    content: bytes = field(repr=False)
    annotations: tuple[tuple[str, str], ...]

    @property
    def descriptor(self) -> Descriptor:
        """The layer's entry in its manifest."""
        return Descriptor(
            media_type=self.media_type,
            digest=Digest.of(self.content),
            size=len(self.content),
            annotations=self.annotations,
        )


def make_signature_layer(payload: bytes, bundle: bytes, *, limits: Limits) -> LegacyLayer:
    """The `.sig` layer of a simple-signing payload, from the bundle with the signature over it.

    Certificate, timestamp and a log entry with a promise go into annotations; an inclusion proof has no place there.
    Raises `TypeError` for a bundle with anything but a message signature, and what `parse_bundle` raises.
    """
    evidence = parse_bundle(bundle, limits=limits)
    if not isinstance(evidence.content, MessageSignature):
        raise TypeError("a legacy signature is a signature over a message")
    stamps = {TIMESTAMP: _render_timestamp(evidence.timestamps[0])} if evidence.timestamps else {}
    annotations = {SIGNATURE: encode_base64(evidence.content.signature), **_vouchers(evidence), **stamps}
    return LegacyLayer(media_type=SIMPLE_SIGNING, content=payload, annotations=tuple(sorted(annotations.items())))


def make_attestation_layer(bundle: bytes, predicate_type: str, *, limits: Limits) -> LegacyLayer:
    """The `.att` layer of the statement in a bundle; its timestamps stamp something else and are left out.

    Raises `TypeError` for a bundle without an envelope, and what `parse_bundle` raises.
    """
    evidence = parse_bundle(bundle, limits=limits)
    if not isinstance(evidence.content, Envelope):
        raise TypeError("a legacy attestation is an envelope")
    annotations = {SIGNATURE: "", PREDICATE_TYPE: predicate_type, **_vouchers(evidence)}
    return LegacyLayer(
        media_type=DSSE_ENVELOPE,
        content=_envelope_text(bundle),
        annotations=tuple(sorted(annotations.items())),
    )


def render_legacy_config(layers: Sequence[Descriptor]) -> bytes:
    """Render the configuration of a legacy manifest; its layers are not compressed, so each is its own diff id."""
    return _render(
        {
            "architecture": "",
            "config": {},
            "created": _BEGIN_OF_TIME,
            "history": [{"created": _BEGIN_OF_TIME} for _ in layers],
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": [layer.digest.text for layer in layers]},
        }
    )


def render_legacy_manifest(
    layers: Sequence[Descriptor], *, media_type: str = OCI_MANIFEST, annotations: Sequence[tuple[str, str]] = ()
) -> bytes:
    """Render the manifest under a legacy tag around `render_legacy_config(layers)`."""
    config = render_legacy_config(layers)
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {"mediaType": OCI_CONFIG, "size": len(config), "digest": Digest.of(config).text},
        "layers": [_render_layer(layer) for layer in layers],
    }
    return _render(document | ({"annotations": dict(annotations)} if annotations else {}))


def _envelope_text(bundle: bytes) -> bytes:
    """The envelope's own text, byte for byte: a log entry may commit to it."""
    text = bundle.decode("utf-8")
    begin = text.index("{", text.index('"dsseEnvelope"'))
    _, end = json.JSONDecoder().raw_decode(text, begin)
    return text[begin:end].encode("utf-8")


def _render_layer(layer: Descriptor) -> dict[str, object]:
    entry: dict[str, object] = {"mediaType": layer.media_type, "size": layer.size, "digest": layer.digest.text}
    return entry | ({"annotations": dict(layer.annotations)} if layer.annotations else {})


def _vouchers(evidence: UntrustedEvidence) -> dict[str, str]:
    vouchers: dict[str, str] = {}
    if evidence.certificates:
        leaf, *issuers = [_render_certificate(certificate) for certificate in evidence.certificates]
        vouchers |= {CERTIFICATE: leaf, CHAIN: "".join(issuers)}
    for entry in evidence.log_entries[:1]:
        if entry.promise is not None:
            vouchers[BUNDLE] = _render_promise(entry, entry.promise)
    return vouchers


def _render_certificate(certificate: Certificate) -> str:
    return render_certificate(encode_certificate(certificate)).decode("ascii")


def _render_promise(entry: LogEntry, promise: bytes) -> str:
    payload = {
        "body": encode_base64(entry.body),
        "integratedTime": entry.integrated_time,
        "logIndex": entry.index,
        "logID": entry.log_id.hex(),
    }
    return json.dumps({"SignedEntryTimestamp": encode_base64(promise), "Payload": payload})


def _render_timestamp(token: bytes) -> str:
    return json.dumps({"SignedRFC3161Timestamp": encode_base64(token)})


def _render(document: dict[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")
