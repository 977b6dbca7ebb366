"""A decision on its way into the database, checked to be whole before it queues."""

import hmac
from dataclasses import dataclass, field
from operator import itemgetter

from assay.adapters.log.wire import RecordRequest
from assay.domain.compressed import Compressed
from assay.domain.decision import Finding
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.recent import Recent
from assay.domain.record import Leaf
from assay.tlog.leaf import SALT_OCTETS, mark_caller
from assay.tlog.leaf_form import LeafReader
from assay.tlog.report import parse_report

_MOST = 4096
_MOST_OCTETS = 16 * 1024 * 1024
_SMALL = 64 * 1024
"""Contents up to this length are remembered."""
_BESIDE_OCTETS = 512
"""Roughly what a content takes beside its stream."""


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


class EntryReader:
    """Reads entries; decisions about one image have most of their contents in common, which is read once.

    For one thread.
    """

    def __init__(self) -> None:
        self._leaves = LeafReader()
        self._contents: Recent[bytes, Compressed] = Recent(
            entries=_MOST, octets=_MOST_OCTETS, size_of=lambda content: _BESIDE_OCTETS + len(content.stream)
        )
        self._findings: Recent[Digest, tuple[tuple[Finding, ...], int]] = Recent(
            entries=_MOST, octets=_MOST_OCTETS, size_of=itemgetter(1)
        )

    def read(self, request: RecordRequest) -> Entry:
        """Check that contents and preimage are those that the leaf commits to.

        Raises `InvalidInput(leaf_malformed | report_malformed | record_inconsistent)`: a writer that stored anything
        else would make a record that no reader accepts.
        """
        leaf = self._leaves.read(request.leaf)
        document = self._require_content(request.document, leaf.input, "document")
        report = self._require_content(request.report, leaf.report, "report")
        if len(request.salt) != SALT_OCTETS or not hmac.compare_digest(
            mark_caller(request.preimage, request.salt), leaf.caller
        ):
            raise _inconsistent("preimage", leaf.id)
        return Entry(
            proven=request.proven,
            leaf=leaf,
            octets=request.leaf,
            findings=self._read_findings(report),
            document=document,
            report=report,
            salt=request.salt,
            preimage=request.preimage,
        )

    def _require_content(self, stream: bytes, digest: Digest, what: str) -> Compressed:
        content = self._contents.get(stream)
        if content is None:
            content = Compressed.read(stream)
            if content is not None and len(stream) <= _SMALL:
                self._contents.put(stream, content)
        if content is None or content.digest != digest:
            raise _inconsistent(what, digest.text)
        return content

    def _read_findings(self, report: Compressed) -> tuple[Finding, ...]:
        known = self._findings.get(report.digest)
        if known is not None:
            return known[0]
        findings = parse_report(report.content()).findings
        if report.size <= _SMALL:
            self._findings.put(report.digest, (findings, _BESIDE_OCTETS + report.size))
        return findings


def _inconsistent(what: str, name: str) -> InvalidInput:
    return InvalidInput(
        "record_inconsistent",
        f"the {what} is not the one that the leaf names ({name[:100]})",
        remedy="run workers and sequencer of one release",
    )
