"""Entries of a transparency log and timestamps, as evidence carries them; nothing here is verified."""

import re
from dataclasses import dataclass, field

from assay.domain.limit import Limits
from assay.formats.evidence_object import EvidenceObject, exceeded, malformed

ENTRY_MEMBERS = frozenset(
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
PROOF_MEMBERS = frozenset({"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"})
_ANNOTATION = frozenset({"SignedEntryTimestamp", "Payload"})
_PROMISED = frozenset({"body", "integratedTime", "logIndex", "logID"})
_BODY_BEGIN = re.compile(rb'\{"apiVersion":"([0-9.]{1,20})","kind":"([a-z]{1,40})",')
_HEX = re.compile(r"(?:[0-9a-f]{2}){1,64}", re.ASCII)
_HASH_OCTETS = 32
_LONGEST_BODY = 512 * 1024
"""What an entry holds besides the payload (in base64 twice): certificate, signature and digests."""
_END_OF_TIME = 253_402_300_800
"""The first second of the year 10000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryProof:
    """An inclusion proof with the checkpoint (a signed note) that it leads to.

    `index` is that of the leaf in the tree of the checkpoint, not the global index of the log.
    """

    index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One entry, unverified: a promise (SET), a proof, or both.

    `index` is the global index and `integrated_time` seconds since 1970; only a promise authenticates them. `kind` and
    `version` are empty when the entry does not say what it is.
    """

    log_id: bytes
    index: int
    integrated_time: int
    kind: str
    version: str
    body: bytes = field(repr=False)
    promise: bytes | None = field(default=None, repr=False)
    proof: EntryProof | None = None


def read_log_entries(
    material: EvidenceObject, *, proof_required: bool, payload_octets: int, limits: Limits
) -> tuple[LogEntry, ...]:
    """Read the `tlogEntries` of a bundle whose payload has so many bytes.

    Guaranteed: every entry has a promise or a proof, and a proof when one is required; a proof comes with a checkpoint;
    a promise with a time between 1970 and the year 9999; no body is longer than what it could be about.
    Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    entries = []
    for number, value in enumerate(material.items("tlogEntries", most=limits.log_entries)):
        entry = _read_entry(
            EvidenceObject.of(value, what=f"{material.what}.tlogEntries[{number}]", known=ENTRY_MEMBERS), limits
        )
        if entry.proof is None and (proof_required or entry.promise is None):
            raise malformed(f"{material.what}.tlogEntries[{number}]", "it has no inclusion proof")
        if len(entry.body) > _LONGEST_BODY + 2 * payload_octets:
            raise exceeded(f"{material.what}.tlogEntries[{number}]", "it is longer than any entry of this evidence")
        entries.append(entry)
    return tuple(entries)


def _read_entry(entry: EvidenceObject, limits: Limits) -> LogEntry:
    version = entry.section("kindVersion", known={"kind", "version"})
    promise = None
    if entry.has("inclusionPromise"):
        promise = entry.section("inclusionPromise", known={"signedEntryTimestamp"}).octets("signedEntryTimestamp")
    return LogEntry(
        log_id=entry.section("logId", known={"keyId"}).octets("keyId"),
        index=entry.natural("logIndex"),
        integrated_time=_read_time(entry, promised=promise is not None),
        kind=version.text("kind"),
        version=version.text("version"),
        body=entry.octets("canonicalizedBody"),
        promise=promise,
        proof=_read_proof(entry.section("inclusionProof", known=PROOF_MEMBERS), limits)
        if entry.has("inclusionProof")
        else None,
    )


def _read_time(entry: EvidenceObject, *, promised: bool) -> int:
    time = entry.natural("integratedTime")
    if time >= _END_OF_TIME or (promised and not time):
        raise malformed(f"{entry.what}.integratedTime", "a time between 1970 and the year 9999 is expected")
    return time


def _read_proof(proof: EvidenceObject, limits: Limits) -> EntryProof:
    hashes = proof.octets_list("hashes", most=limits.proof_hashes)
    root = proof.octets("rootHash")
    if any(len(value) != _HASH_OCTETS for value in (root, *hashes)):
        raise malformed(proof.what, f"a hash does not have {_HASH_OCTETS} bytes")
    checkpoint = proof.section("checkpoint", known={"envelope"}).text("envelope")
    if len(checkpoint) > limits.token_octets:
        raise exceeded(f"{proof.what}.checkpoint", f"it is longer than {limits.token_octets}")
    return EntryProof(
        index=proof.natural("logIndex"),
        size=proof.natural("treeSize"),
        root=root,
        hashes=hashes,
        checkpoint=checkpoint,
    )


def parse_log_annotation(text: str, *, limits: Limits) -> LogEntry:
    """Parse the `bundle` annotation of a legacy layer: an entry with a promise and without a proof.

    Kind and version are those that the body begins with. Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    document = EvidenceObject.parse(
        text.encode("utf-8", errors="replace"),
        what="the log annotation",
        known=_ANNOTATION,
        limits=limits,
        structure=limits.bundle_structure,
    )
    promised = document.section("Payload", known=_PROMISED)
    body = promised.octets("body")
    kind, version = read_body_kind(body)
    return LogEntry(
        log_id=read_hex(promised, "logID"),
        index=promised.natural("logIndex"),
        integrated_time=_read_time(promised, promised=True),
        kind=kind,
        version=version,
        body=body,
        promise=document.octets("SignedEntryTimestamp"),
    )


def read_body_kind(body: bytes) -> tuple[str, str]:
    """Kind and version that the body of an entry begins with, both empty when it begins otherwise."""
    begin = _BODY_BEGIN.match(body)
    return (begin[2].decode(), begin[1].decode()) if begin else ("", "")


def read_hex(place: EvidenceObject, name: str) -> bytes:
    """Read bytes in lower-case hexadecimal; raises `InvalidInput(bundle_malformed)` naming the place."""
    text = place.text(name)
    if not _HEX.fullmatch(text):
        raise malformed(f"{place.what}.{name}", "lower-case hexadecimal digits are expected")
    return bytes.fromhex(text)


def read_timestamps(material: EvidenceObject, *, limits: Limits) -> tuple[bytes, ...]:
    """Read the `timestampVerificationData` of a bundle: the tokens in DER, no two of them equal.

    Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    if not material.has("timestampVerificationData"):
        return ()
    section = material.section("timestampVerificationData", known={"rfc3161Timestamps"})
    tokens = tuple(
        _capped(
            EvidenceObject.of(value, what=f"{section.what}[{number}]", known={"signedTimestamp"}),
            "signedTimestamp",
            limits,
        )
        for number, value in enumerate(section.items("rfc3161Timestamps", most=limits.timestamps))
    )
    if len(set(tokens)) != len(tokens):
        raise malformed(section.what, "a timestamp occurs twice")
    return tokens


def parse_timestamp_annotation(text: str, *, limits: Limits) -> bytes:
    """Parse the `rfc3161timestamp` annotation of a legacy layer: one token in DER.

    Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    name = "SignedRFC3161Timestamp"
    document = EvidenceObject.parse(
        text.encode("utf-8", errors="replace"),
        what="the timestamp annotation",
        known={name},
        limits=limits,
        structure=limits.bundle_structure,
    )
    return _capped(document, name, limits)


def _capped(token: EvidenceObject, name: str, limits: Limits) -> bytes:
    octets = token.octets(name)
    if len(octets) > limits.token_octets:
        raise exceeded(token.what, f"it is longer than {limits.token_octets} bytes")
    return octets
