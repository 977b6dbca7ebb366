"""A decision on its way into the database, checked to be whole before it queues."""

import hmac
import zlib
from dataclasses import dataclass, field
from functools import lru_cache, partial

from assay.adapters.log.wire import RecordRequest
from assay.domain.decision import Finding
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.record import Leaf
from assay.tlog.leaf import SALT_OCTETS, mark_caller, parse_leaf
from assay.tlog.report import parse_report

LARGEST_DOCUMENT = 256 * 1024 * 1024
_COMPRESSION = 1
# Decisions about one image have most of their contents in common: what was worked out for small ones is remembered.
_SMALL_DOCUMENT = 128 * 1024
_SMALL_STREAM = 16 * 1024
_REMEMBERED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """A document as it is stored: the digest and size of its bytes, and these as a zlib stream."""

    digest: Digest
    size: int
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Leaf, contents and preimage of one decision, shown to belong together."""

    leaf: Leaf
    octets: bytes = field(repr=False)
    findings: tuple[Finding, ...]
    document: Compressed
    report: Compressed
    salt: bytes = field(repr=False)
    preimage: bytes = field(repr=False)


def compress(content: bytes) -> bytes:
    """The zlib stream of a document, fast rather than small."""
    return _compress_small(content) if len(content) <= _SMALL_DOCUMENT else zlib.compress(content, _COMPRESSION)


def decompress(stream: bytes) -> bytes | None:
    """The content of a zlib stream, None when it is damaged, cut short, followed by more, or too large."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(stream, LARGEST_DOCUMENT)
    except zlib.error:
        return None
    return content if inflater.eof and not inflater.unused_data else None


def read_entry(request: RecordRequest) -> Entry:
    """Check that contents and preimage are those that the leaf commits to.

    Raises `InvalidInput(leaf_malformed | report_malformed | record_inconsistent)`: a writer that stored anything else
    would make a record that no reader accepts.
    """
    leaf = parse_leaf(request.leaf)
    document = _require_content(request.document, leaf.input, "document")
    report = _require_content(request.report, leaf.report, "report")
    if len(request.salt) != SALT_OCTETS or not hmac.compare_digest(
        mark_caller(request.preimage, request.salt), leaf.caller
    ):
        raise _inconsistent("preimage", leaf.id)
    return Entry(
        leaf=leaf,
        octets=request.leaf,
        findings=_findings(report),
        document=document,
        report=report,
        salt=request.salt,
        preimage=request.preimage,
    )


def _require_content(stream: bytes, digest: Digest, what: str) -> Compressed:
    content = _measure_small(stream) if len(stream) <= _SMALL_STREAM else _measure(stream)
    if content is None or content.digest != digest:
        raise _inconsistent(what, digest.text)
    return content


def _measure(stream: bytes) -> Compressed | None:
    content = decompress(stream)
    return None if content is None else Compressed(digest=Digest.of(content), size=len(content), octets=stream)


def _findings(report: Compressed) -> tuple[Finding, ...]:
    return _read_small_report(report) if report.size <= _SMALL_STREAM else _read_report(report)


def _read_report(report: Compressed) -> tuple[Finding, ...]:
    return parse_report(decompress(report.octets) or b"").findings


_compress_small = lru_cache(_REMEMBERED)(partial(zlib.compress, level=_COMPRESSION))
_measure_small = lru_cache(_REMEMBERED)(_measure)
_read_small_report = lru_cache(_REMEMBERED)(_read_report)


def _inconsistent(what: str, name: str) -> InvalidInput:
    return InvalidInput(
        "record_inconsistent",
        f"the {what} is not the one that the leaf names ({name[:100]})",
        remedy="run workers and sequencer of one release",
    )
