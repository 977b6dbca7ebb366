"""The log entries and timestamps that a bundle may carry beside its signature.

An authority without a trust root does not judge them: they are read under the caps so that malformed ones are found,
and they count for nothing.
"""

from assay.domain.limit import Limits
from assay.formats.evidence_object import EvidenceObject, exceeded, malformed

_ENTRY = frozenset(
    {
        "logIndex",
        "logId",
        "kindVersion",
        "integratedTime",
        "inclusionPromise",
        "inclusionProof",
        "canonicalizedBody",
    }
)
_PROOF = frozenset({"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"})
_HASH_OCTETS = 32


def check_log_entries(material: EvidenceObject, *, limits: Limits) -> None:
    """Check the shape of `tlogEntries`; nothing in them is verified.

    Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    for number, value in enumerate(material.items("tlogEntries", most=limits.log_entries)):
        entry = EvidenceObject.of(value, what=f"{material.what}.tlogEntries[{number}]", known=_ENTRY)
        entry.natural("logIndex")
        entry.natural("integratedTime")
        entry.octets("canonicalizedBody")
        entry.section("logId", known={"keyId"}).octets("keyId")
        version = entry.section("kindVersion", known={"kind", "version"})
        version.text("kind")
        version.text("version")
        if entry.has("inclusionPromise"):
            promise = entry.section("inclusionPromise", known={"signedEntryTimestamp"})
            promise.octets("signedEntryTimestamp")
        if entry.has("inclusionProof"):
            _check_proof(entry.section("inclusionProof", known=_PROOF), limits=limits)


def _check_proof(proof: EvidenceObject, *, limits: Limits) -> None:
    proof.natural("logIndex")
    proof.natural("treeSize")
    hashes = [
        EvidenceObject(what=f"{proof.what}.hashes[{number}]", members={"hash": value}).octets("hash")
        for number, value in enumerate(proof.items("hashes", most=limits.proof_hashes))
    ]
    if any(len(value) != _HASH_OCTETS for value in [proof.octets("rootHash"), *hashes]):
        raise malformed(proof.what, f"a hash does not have {_HASH_OCTETS} bytes")
    if proof.has("checkpoint"):
        checkpoint = proof.section("checkpoint", known={"envelope"}).text("envelope")
        if len(checkpoint) > limits.token_octets:
            raise exceeded(f"{proof.what}.checkpoint", f"it is longer than {limits.token_octets}")


def check_timestamps(material: EvidenceObject, *, limits: Limits) -> None:
    """Check the shape of `timestampVerificationData`; no token is verified.

    Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    if not material.has("timestampVerificationData"):
        return
    section = material.section("timestampVerificationData", known={"rfc3161Timestamps"})
    for number, value in enumerate(section.items("rfc3161Timestamps", most=limits.timestamps)):
        token = EvidenceObject.of(value, what=f"{section.what}[{number}]", known={"signedTimestamp"})
        if len(token.octets("signedTimestamp")) > limits.token_octets:
            raise exceeded(token.what, f"it is longer than {limits.token_octets} bytes")
