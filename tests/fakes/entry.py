"""Entries of the log as the sequencer gets them."""

from assay.adapters.log.entry import Entry, compress, read_entry
from assay.adapters.log.wire import RecordRequest
from assay.domain.decision import Decision
from assay.tlog.report import render_report
from tests.fakes.leaf import render_leaf

SALT = b"s" * 32


def request_for(decision: Decision, *, salt: bytes = SALT, budget: int = 10_000) -> RecordRequest:
    """What a worker sends to have a decision recorded."""
    return RecordRequest(
        budget=budget,
        leaf=render_leaf(decision, report=render_report(decision), salt=salt, service_version="0.1.0"),
        document=compress(decision.document),
        report=compress(render_report(decision)),
        salt=salt,
        preimage=decision.preimage,
    )


def entry_for(decision: Decision, *, salt: bytes = SALT) -> Entry:
    """The checked entry of a decision."""
    return read_entry(request_for(decision, salt=salt))
