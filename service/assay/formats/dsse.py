"""The signing envelope (DSSE 1.0)."""

import re
from dataclasses import dataclass, field, replace

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.evidence_object import EvidenceObject, malformed

ENVELOPE_MEMBERS = frozenset({"payload", "payloadType", "signatures"})
_SIGNATURE_MEMBERS = frozenset({"sig", "keyid"})
_PAE = re.compile(rb"DSSEv1 ([0-9]+) ")
_LONGEST_LENGTH = 10


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


def parse_pae(octets: bytes) -> tuple[str, bytes]:
    """Take type and payload out of what is signed; `InvalidInput(pae_malformed)` for any other spelling."""
    parts = _PAE.match(octets)
    if parts is not None and len(parts[1]) <= _LONGEST_LENGTH:
        start = parts.end() + int(parts[1]) + 1
        length, space, payload = octets[start : start + _LONGEST_LENGTH + 1].partition(b" ")
        payload = octets[start + len(length) + 1 :]
        try:
            kind = octets[parts.end() : start - 1].decode("utf-8")
        except UnicodeDecodeError:
            kind = ""
        # Encoding it again leaves one spelling: no leading zeros, no lengths that lie, nothing left over.
        if space and pae(kind, payload) == octets:
            return kind, payload
    raise InvalidInput("pae_malformed", "the bytes are not the signed form of an envelope", remedy="sign an envelope")


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
