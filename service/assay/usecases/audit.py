"""Auditing without the service: a saved record against the log's key and nothing else."""

from dataclasses import dataclass

from assay.domain.digest import Digest
from assay.domain.errors import EvidenceRejected
from assay.domain.record import Leaf
from assay.tlog.leaf import parse_leaf
from assay.tlog.proof import VerifiedLeaf, verify_proof


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRecord:
    """Verified: the log whose key was given signed that it holds this decision at this place."""

    place: VerifiedLeaf
    leaf: Leaf


def verify_record(*, leaf: bytes, proof: str, verifier_key: str, document: bytes | None = None) -> VerifiedRecord:
    """Verify a decision offline from its leaf, its `.tlog-proof` and the log's key.

    With `document`, what the engine saw, it is also verified that the decision was made on these very bytes. Raises
    what `verify_proof` raises, `EvidenceRejected(input_mismatch)` and `InvalidInput(leaf_malformed)`.
    """
    place = verify_proof(proof, leaf, verifier_key)
    content = parse_leaf(leaf)
    if document is not None and Digest.of(document) != content.input:
        raise EvidenceRejected(
            "input_mismatch",
            f"the document is not the one that decision {content.id} was made on",
            remedy="save the document again, byte for byte",
        )
    return VerifiedRecord(place=place, leaf=content)
