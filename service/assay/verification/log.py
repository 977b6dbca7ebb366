"""Log entries: the promise (SET), the inclusion proof with its checkpoint, and the window of the log's key."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from assay.domain.errors import EvidenceRejected
from assay.domain.evidence import VerifiedEntry
from assay.formats.base64text import encode_base64
from assay.formats.log_entry import EntryProof, LogEntry
from assay.tlog.merkle import leaf_hash
from assay.tlog.path import verify_inclusion
from assay.verification.checkpoint import log_proof_invalid, verify_log_checkpoint
from assay.verification.signature import verifies
from assay.verification.trust_root import LogKey

_FIRST_GENERATION = 1


def find_log(logs: Mapping[bytes, LogKey], entry: LogEntry) -> LogKey:
    """The log of the trust root that the entry names; other keys are never tried.

    Raises `EvidenceRejected(log_proof_invalid)` for an unknown log.
    """
    log = logs.get(entry.log_id)
    if log is None:
        raise log_proof_invalid(f"the log {entry.log_id.hex()[:64]} is not one of the trust root")
    return log


def verify_promises(entries: Sequence[LogEntry], logs: Mapping[bytes, LogKey]) -> tuple[datetime, ...]:
    """The time of every entry that has a promise; one bad promise rejects all.

    Not checked: the window of the log's key (`verify_log_entries` does). Raises
    `EvidenceRejected(log_proof_invalid)`.
    """
    return tuple(_verify_promise(entry, find_log(logs, entry)) for entry in entries if entry.promise is not None)


def _verify_promise(entry: LogEntry, log: LogKey) -> datetime:
    if log.generation != _FIRST_GENERATION:
        raise log_proof_invalid("a log of the second generation signs no entry timestamps, yet the entry has one")
    if not verifies(log.key, message=_promised(entry), signature=entry.promise or b""):
        raise log_proof_invalid("the signed entry timestamp does not verify under the log's key")
    return _moment(entry.integrated_time)


def _promised(entry: LogEntry) -> bytes:
    # The canonical form (RFC 8785) of the four members: all of them are ASCII without anything to escape.
    return (
        f'{{"body":"{encode_base64(entry.body)}","integratedTime":{entry.integrated_time},'
        f'"logID":"{entry.log_id.hex()}","logIndex":{entry.index}}}'
    ).encode("ascii")


def verify_log_entries(
    entries: Sequence[LogEntry], logs: Mapping[bytes, LogKey], *, stamped: Sequence[datetime]
) -> tuple[VerifiedEntry, ...]:
    """Verify every entry whose promise `verify_promises` has verified; one that fails rejects all.

    `stamped` are the verified times of timestamps. The log's key must be in its window at the promised time, or
    without a promise at every stamped time. Not checked: what the entry says (`assay.verification.log_body`).
    Raises `EvidenceRejected(log_proof_invalid | no_verified_time)`.
    """
    return tuple(_verify_entry(entry, find_log(logs, entry), stamped) for entry in entries)


def _verify_entry(entry: LogEntry, log: LogKey, stamped: Sequence[datetime]) -> VerifiedEntry:
    promised = _moment(entry.integrated_time) if entry.promise is not None else None
    times = entry_times(entry, stamped)
    if not all(log.window.contains(time) for time in times):
        raise log_proof_invalid("the log's key was not valid when the entry was made")
    origin = _verify_proof(entry, entry.proof, log) if entry.proof is not None else log.name
    return VerifiedEntry(
        log=log.log_id.hex(),
        origin=origin,
        kind=f"{entry.kind} {entry.version}".strip(),
        index=entry.index if promised is not None else None,
        leaf=entry.proof.index if entry.proof is not None else None,
        time=promised,
    )


def entry_times(entry: LogEntry, stamped: Sequence[datetime]) -> Sequence[datetime]:
    """The times at which the log's key must have been valid; `EvidenceRejected(no_verified_time)` without any."""
    times = [_moment(entry.integrated_time)] if entry.promise is not None else stamped
    if not times:
        raise EvidenceRejected(
            "no_verified_time",
            "the log entry has neither a signed entry timestamp nor a timestamp beside it",
            remedy="sign with a timestamp authority",
        )
    return times


def _verify_proof(entry: LogEntry, proof: EntryProof, log: LogKey) -> str:
    try:
        head = verify_log_checkpoint(proof.checkpoint, log)
        if (head.size, head.root) != (proof.size, proof.root):
            raise log_proof_invalid("the checkpoint is of another tree than the inclusion proof")
        verify_inclusion(
            leaf=leaf_hash(entry.body), index=proof.index, size=head.size, proof=proof.hashes, root=head.root
        )
    except EvidenceRejected as error:
        raise log_proof_invalid(error.message) from error
    return head.origin


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
