"""What a worker waits for."""

from dataclasses import dataclass

from assay.adapters.log.entry import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An entry to record, or none when the worker only asks whether the log can be written.

    `deadline` is on the sequencer's monotonic clock: an answer that comes later is worthless.
    """

    entry: Entry | None
    deadline: float
