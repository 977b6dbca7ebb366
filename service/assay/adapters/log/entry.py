"""A decision on its way into the database, checked to be whole before it queues."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from assay.adapters.log.content import SMALL_STREAM, Compressed, decompress
from assay.adapters.log.wire import RecordRequest
from assay.domain.decision import Finding
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.record import Leaf
from assay.tlog.leaf import SALT_OCTETS, mark_caller, parse_leaf
from assay.tlog.report import parse_report

# Decisions about one image have most of their contents in common: what was worked out for small ones is remembered.
_REMEMBERED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Leaf, contents and preimage of one decision, shown to belong together; `proven` asks for the proof."""

    proven: bool
    leaf: Leaf
    octets: bytes = field(repr=False)
    findings: tuple[Finding, ...]
    document: Compressed
    report: Compressed
    salt: bytes = field(repr=False)
    preimage: bytes = field(repr=False)


def read_entry(request: RecordRequest, read_leaf: Callable[[bytes], Leaf] = parse_leaf) -> Entry:
    """Check that contents and preimage are those that the leaf commits to.

    Raises `InvalidInput(leaf_malformed | report_malformed | record_inconsistent)`: a writer that stored anything else
    would make a record that no reader accepts.
    """
    leaf = read_leaf(request.leaf)
    document = _require_content(request.document, leaf.input, "document")
    report = _require_content(request.report, leaf.report, "report")
    if len(request.salt) != SALT_OCTETS or not hmac.compare_digest(
        mark_caller(request.preimage, request.salt), leaf.caller
    ):
        raise _inconsistent("preimage", leaf.id)
    return Entry(
        proven=request.proven,
        leaf=leaf,
        octets=request.leaf,
        findings=_findings(report),
        document=document,
        report=report,
        salt=request.salt,
        preimage=request.preimage,
    )


def _require_content(stream: bytes, digest: Digest, what: str) -> Compressed:
    content = _measure_small(stream) if len(stream) <= SMALL_STREAM else _measure(stream)
    if content is None or content.digest != digest:
        raise _inconsistent(what, digest.text)
    return content


def _measure(stream: bytes) -> Compressed | None:
    content = decompress(stream)
    return None if content is None else Compressed(digest=Digest.of(content), size=len(content), octets=stream)


def _findings(report: Compressed) -> tuple[Finding, ...]:
    return _read_small_report(report) if report.size <= SMALL_STREAM else _read_report(report)


def _read_report(report: Compressed) -> tuple[Finding, ...]:
    return parse_report(decompress(report.octets) or b"").findings


_measure_small = lru_cache(_REMEMBERED)(_measure)
_read_small_report = lru_cache(_REMEMBERED)(_read_report)


def _inconsistent(what: str, name: str) -> InvalidInput:
    return InvalidInput(
        "record_inconsistent",
        f"the {what} is not the one that the leaf names ({name[:100]})",
        remedy="run workers and sequencer of one release",
    )
