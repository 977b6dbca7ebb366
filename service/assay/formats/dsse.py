"""The signing envelope (DSSE 1.0)."""

from dataclasses import dataclass, field

from assay.domain.limit import Limits
from assay.formats.evidence_object import EvidenceObject, malformed

ENVELOPE_MEMBERS = frozenset({"payload", "payloadType", "signatures"})
_SIGNATURE_MEMBERS = frozenset({"sig", "keyid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An envelope with its one signature; the payload is untrusted until that signature has been verified."""

    payload_type: str
    untrusted_payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def signed_octets(self) -> bytes:
        """The bytes that the signature covers."""
        return pae(self.payload_type, self.untrusted_payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Encode what is signed: type and payload with their lengths in bytes (DSSE 1.0, "PAE")."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(octets: bytes, *, limits: Limits) -> Envelope:
    """Parse an envelope that stands alone, as the layer of an `.att` tag does.

    Guaranteed: exactly one signature, standard base64, no unknown member. The payload is not looked at and `keyid`
    selects nothing. Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    return read_envelope(EvidenceObject.parse(octets, what="the envelope", known=ENVELOPE_MEMBERS, limits=limits))


def read_envelope(envelope: EvidenceObject) -> Envelope:
    """Read an envelope that is part of a bundle, with the guarantees of `parse_envelope`."""
    signatures = envelope.items("signatures", most=2)
    if len(signatures) != 1:
        raise malformed(f"{envelope.what}.signatures", "exactly one signature is expected")
    signature = EvidenceObject.of(signatures[0], what=f"{envelope.what}.signatures[0]", known=_SIGNATURE_MEMBERS)
    signature.text("keyid", default="")
    return Envelope(
        payload_type=envelope.text("payloadType"),
        untrusted_payload=envelope.octets("payload"),
        signature=signature.octets("sig"),
    )
