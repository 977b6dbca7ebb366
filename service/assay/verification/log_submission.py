"""What is sent to a transparency log, and the entry that comes back.

Rekor 1 takes `dsse` and `hashedrekord` 0.0.1, Rekor 2 `hashedrekord` 0.0.2 alone. Nothing of an answer is believed:
whoever attaches evidence verifies the entry as everybody else does.
"""

import json
from collections.abc import Mapping

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.base64text import encode_base64
from assay.formats.evidence_object import EvidenceObject, malformed
from assay.formats.log_entry import ENTRY_MEMBERS, PROOF_MEMBERS, read_body_kind, read_hex
from assay.formats.strict_json import parse_json
from assay.verification.log_body import LoggedSignature, build_hashedrekord_001

_WHAT = "the answer of the log"
_SIGNS_MESSAGES = "PKIX_ED25519"
_MOST_HASHES = 64
"""The depth of the largest tree that has a 64-bit size."""
_ENTRY_1 = frozenset({"body", "integratedTime", "logID", "logIndex", "verification", "attestation"})


def render_submission(logged: LoggedSignature, *, version: int) -> bytes:
    """Render what a log of this version (1 or 2) is asked to enter.

    Raises `InvalidInput(key_unsupported)` for a signature that verifies with the message alone, where the log takes
    digests.
    """
    envelope = logged.envelope
    if version == 1 and envelope is not None and envelope.octets is not None:
        proposed = {"envelope": envelope.octets.decode("utf-8"), "verifiers": [logged.verifier.pem]}
        return _dump({"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": proposed}})
    if logged.scheme.key_details == _SIGNS_MESSAGES:
        raise InvalidInput(
            "key_unsupported",
            "the log enters digests, and an Ed25519 key signs messages",
            remedy="sign with an ECDSA or RSA key, or with a signing config without such a log",
        )
    return build_hashedrekord_001(logged) if version == 1 else _render_submission_2(logged)


def _render_submission_2(logged: LoggedSignature) -> bytes:
    material = "x509Certificate" if logged.verifier.is_certificate else "publicKey"
    verifier = {
        "keyDetails": logged.scheme.key_details,
        material: {"rawBytes": encode_base64(logged.verifier.der)},
    }
    signature = {"content": encode_base64(logged.signature), "verifier": verifier}
    return _dump({"hashedRekordRequestV002": {"digest": encode_base64(logged.digest), "signature": signature}})


def parse_entry(answer: bytes, *, version: int, limits: Limits) -> Mapping[str, object]:
    """Take the entry out of the answer of a log of this version, as a bundle holds it (`tlogEntries`).

    Not checked: that it is about what was sent, and anything that a bundle's parser checks. Raises
    `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    if version > 1:
        return EvidenceObject.parse(answer, what=_WHAT, known=ENTRY_MEMBERS, limits=limits).members
    match _parse(answer, limits):
        case dict() as entries if len(entries) == 1:
            (entry,) = entries.values()
            return _convert(EvidenceObject.of(entry, what=_WHAT, known=_ENTRY_1))
        case _:
            raise malformed(_WHAT, "exactly one entry is expected")


def _parse(answer: bytes, limits: Limits) -> object:
    try:
        return parse_json(answer, what=_WHAT, largest=limits.blob_octets, depth=limits.json_depth)
    except InvalidInput as error:
        raise malformed(_WHAT, error.message) from error


def _convert(entry: EvidenceObject) -> Mapping[str, object]:
    kind, version = read_body_kind(entry.octets("body"))
    verification = entry.section("verification", known={"inclusionProof", "signedEntryTimestamp"})
    converted: dict[str, object] = {
        "logIndex": str(entry.natural("logIndex")),
        "logId": {"keyId": encode_base64(read_hex(entry, "logID"))},
        "kindVersion": {"kind": kind, "version": version},
        "integratedTime": str(entry.natural("integratedTime")),
        "inclusionPromise": {"signedEntryTimestamp": verification.text("signedEntryTimestamp")},
        "canonicalizedBody": entry.text("body"),
    }
    if verification.has("inclusionProof"):
        converted["inclusionProof"] = _convert_proof(verification.section("inclusionProof", known=PROOF_MEMBERS))
    return converted


def _convert_proof(proof: EvidenceObject) -> Mapping[str, object]:
    hashes = proof.items("hashes", most=_MOST_HASHES)
    each = [EvidenceObject.of({"hash": value}, what=f"{proof.what}.hashes", known={"hash"}) for value in hashes]
    return {
        "logIndex": str(proof.natural("logIndex")),
        "rootHash": encode_base64(read_hex(proof, "rootHash")),
        "treeSize": str(proof.natural("treeSize")),
        "hashes": [encode_base64(read_hex(item, "hash")) for item in each],
        "checkpoint": {"envelope": proof.text("checkpoint")},
    }


def _dump(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("utf-8")
