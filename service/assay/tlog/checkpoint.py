"""Checkpoints: the signed head of a log (C2SP tlog-checkpoint)."""

import re
from dataclasses import dataclass

from assay.formats.base64text import encode_base64
from assay.tlog.merkle import HASH_OCTETS
from assay.tlog.note import (
    SigningKey,
    VerifierKey,
    decode_base64_line,
    is_key_name,
    note_malformed,
    parse_untrusted_note,
    verify_note,
)

_SIZE = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of the log `origin` at `size` leaves: `root` are 32 bytes.

    Raises `EvidenceRejected(checkpoint_malformed)`.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.origin) or not _SIZE.fullmatch(str(self.size)) or len(self.root) != HASH_OCTETS:
            raise note_malformed("it needs an origin, a size below 10^18 and a root of 32 bytes")


def render_checkpoint(checkpoint: Checkpoint) -> str:
    """The text that is signed: three lines."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{encode_base64(checkpoint.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> str:
    """The signed note; a key signs only for the origin that it is named after."""
    if key.name != checkpoint.origin:
        raise ValueError(f"the key of {key.name} does not sign for {checkpoint.origin}")
    return key.sign(render_checkpoint(checkpoint))


def parse_untrusted_checkpoint(note: str) -> Checkpoint:
    """Read a checkpoint without verifying who signed it; raises `EvidenceRejected(checkpoint_malformed)`."""
    return _parse_text(parse_untrusted_note(note).text)


def verify_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint that the log of this key signed.

    Extension lines are refused: this log never writes any. Raises
    `EvidenceRejected(checkpoint_malformed | checkpoint_signature_invalid)`.
    """
    checkpoint = _parse_text(verify_note(note, key))
    if checkpoint.origin != key.name:
        raise note_malformed(f"it is of the log {checkpoint.origin[:200]}, the key of {key.name}")
    return checkpoint


def _parse_text(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) != 4 or not _SIZE.fullmatch(lines[1]):
        raise note_malformed("it does not have exactly three lines: origin, size, root")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=decode_base64_line(lines[2]))
