"""The `.tlog-proof` file: everything that shows offline that a leaf is in a log (C2SP tlog-proof v1)."""

import re
from dataclasses import dataclass

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.formats.base64text import decode_base64, encode_base64
from assay.tlog.checkpoint import verify_checkpoint
from assay.tlog.merkle import HASH_OCTETS, leaf_hash
from assay.tlog.note import VerifierKey
from assay.tlog.path import verify_inclusion

_HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,17})", re.ASCII)
_LONGEST_PATH = 63
_LONGEST_PROOF = 1_100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """A leaf's index, the hashes from its sibling up, and the signed checkpoint they lead to.

    `extra` is whatever somebody put beside it: not authenticated, never believed. Nothing is verified yet.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    def __post_init__(self) -> None:
        if not _INDEX.fullmatch(f"index {self.index}") or len(self.hashes) > _LONGEST_PATH:
            raise _malformed("the index is out of range or the path is too long")
        if any(len(item) != HASH_OCTETS for item in self.hashes):
            raise _malformed(f"a hash does not have {HASH_OCTETS} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedLeaf:
    """Verified: the leaf is at `index` of the log `origin`, which signed its head at `size` leaves."""

    index: int
    size: int
    origin: str


def render_proof(proof: InclusionProof) -> str:
    """The text of the file."""
    extra = [f"extra {encode_base64(proof.extra)}"] if proof.extra else []
    hashes = [encode_base64(item) for item in proof.hashes]
    return "\n".join([_HEADER, *extra, f"index {proof.index}", *hashes, "", proof.checkpoint])


def parse_proof(text: str) -> InclusionProof:
    """Read the file without verifying it; raises `EvidenceRejected(proof_malformed)`."""
    if len(text) > _LONGEST_PROOF:
        raise _malformed("it is too long")
    head, separator, checkpoint = text.partition("\n\n")
    if not separator:
        raise _malformed("there is no empty line before the checkpoint")
    header, *lines = head.split("\n")
    if header != _HEADER:
        raise _malformed(f"its first line is not {_HEADER}")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = _decode(lines.pop(0).removeprefix("extra "))
    index = _INDEX.fullmatch(lines[0]) if lines else None
    if index is None:
        raise _malformed("it names no index")
    hashes = tuple(_decode(line) for line in lines[1:])
    return InclusionProof(index=int(index[1]), hashes=hashes, checkpoint=checkpoint, extra=extra)


def verify_proof(proof: str, leaf: bytes, verifier_key: str) -> VerifiedLeaf:
    """Verify offline that these very bytes are a leaf of the log that holds this key.

    Without cosignatures of witnesses this shows that the log says so to its caller, not that it says so to everybody.
    Raises `EvidenceRejected(proof_malformed | checkpoint_malformed | checkpoint_signature_invalid | proof_invalid)`
    and `InvalidInput(verifier_key_malformed)`.
    """
    untrusted_proof = parse_proof(proof)
    checkpoint = verify_checkpoint(untrusted_proof.checkpoint, VerifierKey.parse(verifier_key))
    verify_inclusion(
        leaf=leaf_hash(leaf),
        index=untrusted_proof.index,
        size=checkpoint.size,
        proof=untrusted_proof.hashes,
        root=checkpoint.root,
    )
    return VerifiedLeaf(index=untrusted_proof.index, size=checkpoint.size, origin=checkpoint.origin)


def _decode(text: str) -> bytes:
    try:
        octets = decode_base64(text, what="a line", code="proof_malformed")
    except InvalidInput as error:
        raise _malformed(error.message) from error
    if not octets:
        raise _malformed("a line is empty")
    return octets


def _malformed(why: str) -> EvidenceRejected:
    return EvidenceRejected(
        "proof_malformed", f"the proof cannot be read: {why}", remedy="save the proof again, byte for byte"
    )
