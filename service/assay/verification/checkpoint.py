"""Checkpoints of Rekor logs (signed notes), bound to the one log whose key a trust root holds.

The log's own rules differ from those of `assay.tlog`: other keys than Ed25519, origins with a tree id, extension lines.
"""

import hashlib
import re
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from assay.domain.errors import EvidenceRejected
from assay.tlog.note import decode_base64_line, parse_untrusted_note
from assay.verification.signature import verifies
from assay.verification.trust_root import LogKey

_HINT_OCTETS = 4
_LINES = 3
"""Size, root and the empty text behind the last newline; extension lines may stand before that."""
_TREE = re.compile(r"(\S+) - (?:0|[1-9][0-9]{0,19})", re.ASCII)
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """Verified: the log `origin` signed that its tree of `size` leaves has this root."""

    origin: str
    size: int
    root: bytes


def verify_log_checkpoint(note: str, log: LogKey) -> TreeHead:
    """The tree head that this very log signed.

    Required: an origin of this log, a signature line with its name and key hint, and every such line verifies. Other
    lines are cosignatures, tolerated and worth nothing. Raises `EvidenceRejected(log_proof_invalid)`, and
    `checkpoint_malformed` for a note that cannot be read.
    """
    untrusted_note = parse_untrusted_note(note)
    origin, *lines = untrusted_note.text.split("\n")
    name = _log_name(origin, log)
    ours = {
        line.signature
        for line in untrusted_note.signatures
        if (line.name, line.key_id) == (name, log.log_id[:_HINT_OCTETS])
    }
    if not ours:
        raise log_proof_invalid(f"the checkpoint is not signed by the log {name[:200]}")
    text = untrusted_note.text.encode("utf-8")
    if not all(verifies(log.key, message=text, signature=signature) for signature in ours):
        raise log_proof_invalid("the checkpoint's signature does not verify under the log's key")
    if len(lines) < _LINES or not _SIZE.fullmatch(lines[0]) or "" in lines[:-1]:
        raise log_proof_invalid("the checkpoint does not begin with origin, size and root")
    return TreeHead(origin=origin, size=int(lines[0]), root=decode_base64_line(lines[1]))


def _log_name(origin: str, log: LogKey) -> str:
    if log.generation == 1:
        tree = _TREE.fullmatch(origin)
        if tree is None:
            raise log_proof_invalid("the checkpoint's origin is not a name with a tree id")
        return tree[1]
    if not isinstance(log.key, Ed25519PublicKey) or note_key_id(origin, log.key) != log.log_id:
        raise log_proof_invalid("the checkpoint's origin is not the name of the log")
    return origin


def note_key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """The full id of a note key: SHA-256(name || newline || 0x01 || key) (C2SP signed-note)."""
    return hashlib.sha256(name.encode("utf-8") + b"\n\x01" + key.public_bytes_raw()).digest()


def log_proof_invalid(why: str) -> EvidenceRejected:
    """The rejection of a log entry that no trusted log vouches for."""
    return EvidenceRejected(
        "log_proof_invalid", why, remedy="sign again with a log of the trust root, or correct the trust root"
    )
