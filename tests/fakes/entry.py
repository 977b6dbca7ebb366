"""Entries of the log as the sequencer gets them."""

from assay.adapters.log.entry import Entry, EntryReader
from assay.adapters.log.wire import RecordRequest
from assay.domain.compressed import Compressed
from assay.domain.decision import Decision
from assay.tlog.report import render_report
from tests.fakes.leaf import SALT, leaf_for


def compressed(content: bytes) -> bytes:
    """The stream of a document."""
    return Compressed.of(content).stream


def request_for(decision: Decision, *, salt: bytes = SALT, budget: int = 10_000, proven: bool = True) -> RecordRequest:
    """What a worker sends to have a decision recorded."""
    return RecordRequest(
        budget=budget,
        proven=proven,
        leaf=leaf_for(decision, salt=salt),
        document=decision.document.stream,
        report=compressed(render_report(decision)),
        salt=salt,
        preimage=decision.preimage,
    )


def entry_for(decision: Decision, *, salt: bytes = SALT, proven: bool = True) -> Entry:
    """The checked entry of a decision."""
    return EntryReader().read(request_for(decision, salt=salt, proven=proven))
