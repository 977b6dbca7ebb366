"""Sigstore bundles: version 0.3 with a public key and a DSSE envelope."""

import json

from assay.domain.descriptor import SIGSTORE_BUNDLE
from assay.domain.errors import InvalidInput
from assay.domain.identity import PublicKey
from assay.domain.limit import Limits
from assay.domain.statement import PAYLOAD_TYPE
from assay.formats.base64text import encode_base64
from assay.formats.dsse import ENVELOPE_MEMBERS, Envelope, read_envelope
from assay.formats.evidence_object import EvidenceObject, malformed
from assay.formats.log_entry import check_log_entries, check_timestamps

_FAMILY = "application/vnd.dev.sigstore.bundle"
_ACCEPTED = frozenset({SIGSTORE_BUNDLE, f"{_FAMILY}+json;version=0.3"})
_CONTENTS = frozenset({"dsseEnvelope", "messageSignature"})
_KEY_MATERIALS = frozenset({"publicKey", "certificate", "x509CertificateChain"})


def parse_bundle(octets: bytes, *, limits: Limits) -> Envelope:
    """Parse a bundle down to its envelope.

    Guaranteed: version 0.3, exactly one content and one key material, no unknown member; log entries and timestamps
    are well formed and within the caps. Nothing is verified: the key hint names no trusted key and is not kept, log
    entries and timestamps count for nothing.
    Raises `InvalidInput(bundle_malformed | bundle_unsupported | evidence_limit)`; unsupported are other versions,
    certificates and message signatures. Source: sigstore_bundle.proto, sigstore protobuf-specs.
    """
    known = _CONTENTS | {"mediaType", "verificationMaterial"}
    bundle = EvidenceObject.parse(octets, what="the bundle", known=known, limits=limits)
    _check_version(bundle.text("mediaType"))
    material = bundle.section(
        "verificationMaterial", known=_KEY_MATERIALS | {"tlogEntries", "timestampVerificationData"}
    )
    content = _only_one(bundle, _CONTENTS, "content")
    key_material = _only_one(material, _KEY_MATERIALS, "key material")
    check_log_entries(material, limits=limits)
    check_timestamps(material, limits=limits)
    if content != "dsseEnvelope" or key_material != "publicKey":
        raise _unsupported(f"a bundle with {content} and {key_material}")
    material.section("publicKey", known={"hint"}).text("hint", default="")
    return read_envelope(bundle.section("dsseEnvelope", known=ENVELOPE_MEMBERS))


def _check_version(media_type: str) -> None:
    if media_type in _ACCEPTED:
        return
    if media_type.startswith(_FAMILY):
        raise _unsupported("a bundle of another version than 0.3")
    raise malformed("the bundle.mediaType", "it does not name a Sigstore bundle")


def _only_one(place: EvidenceObject, names: frozenset[str], what: str) -> str:
    present = [name for name in names if place.has(name)]
    if len(present) != 1:
        raise malformed(place.what, f"exactly one {what} is expected")
    return present[0]


def _unsupported(what: str) -> InvalidInput:
    return InvalidInput(
        "bundle_unsupported",
        f"{what} cannot be verified by this release",
        remedy="sign with a key: a version 0.3 bundle with a DSSE envelope",
    )


def render_bundle(payload: bytes, signature: bytes, key: PublicKey) -> bytes:
    """Render a bundle around an in-toto statement that this key signed.

    Not checked: that the signature is one of `key` over the payload's PAE. The hint is the base64 SHA-256 of the
    SubjectPublicKeyInfo, as cosign writes it.
    """
    bundle = {
        "mediaType": SIGSTORE_BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": encode_base64(key.key_id.octets)}},
        "dsseEnvelope": {
            "payload": encode_base64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": encode_base64(signature)}],
        },
    }
    return json.dumps(bundle, separators=(",", ":")).encode("ascii")
