"""The signing envelope (DSSE 1.0)."""

from dataclasses import dataclass, field, replace

from assay.domain.limit import Limits
from assay.formats.evidence_object import EvidenceObject, malformed

ENVELOPE_MEMBERS = frozenset({"payload", "payloadType", "signatures"})
_SIGNATURE_MEMBERS = frozenset({"sig", "keyid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An envelope with its one signature; the payload is untrusted until that signature has been verified.

    `key_hint` is the envelope's `keyid`, which selects nothing. `octets` is the text that the envelope was read from
    when it stood alone, None for one inside a bundle, whose text is not the one that was logged.
    """

    payload_type: str
    untrusted_payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    key_hint: str = ""
    octets: bytes | None = field(default=None, repr=False)

    @property
    def signed_head(self) -> bytes:
        """What the signature covers before the payload."""
        return _head(self.payload_type, self.untrusted_payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Encode what is signed: type and payload with their lengths in bytes (DSSE 1.0, "PAE")."""
    return _head(payload_type, payload) + payload


def _head(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d " % (len(kind), kind, len(payload))


def parse_envelope(octets: bytes, *, limits: Limits) -> Envelope:
    """Parse an envelope that stands alone, as the layer of an `.att` tag does.

    Guaranteed: exactly one signature, standard base64, no unknown member. The payload is not looked at and `keyid`
    selects nothing. Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    envelope = EvidenceObject.parse(
        octets, what="the envelope", known=ENVELOPE_MEMBERS, limits=limits, structure=limits.bundle_structure
    )
    return replace(read_envelope(envelope), octets=octets)


def read_envelope(envelope: EvidenceObject) -> Envelope:
    """Read an envelope that is part of a bundle, with the guarantees of `parse_envelope`."""
    signatures = envelope.items("signatures", most=2)
    if len(signatures) != 1:
        raise malformed(f"{envelope.what}.signatures", "exactly one signature is expected")
    signature = EvidenceObject.of(signatures[0], what=f"{envelope.what}.signatures[0]", known=_SIGNATURE_MEMBERS)
    return Envelope(
        payload_type=envelope.text("payloadType"),
        untrusted_payload=envelope.octets("payload"),
        signature=signature.octets("sig"),
        key_hint=signature.text("keyid", default=""),
    )
