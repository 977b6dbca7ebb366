"""Reporting incidents beside the requests, for as long as a process runs."""

import logging
import threading

from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError
from assay.usecases.engine import Engine
from assay.usecases.report_incidents import IncidentDesk, report_incidents

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS = 2.0
_TURN_SECONDS = 30.0


class IncidentWatch:
    """Looks every two seconds for incidents that somebody has still to hear of, and reports them.

    The outbox hands each incident to one process at a time, so every process may watch. What could not be reported is
    tried again, by whoever comes next, and `warnings` of every process says so until it could. Safe to make before a
    fork.
    """

    def __init__(self, engine: Engine, desk: IncidentDesk | None) -> None:
        self._engine = engine
        self._desk = desk
        self._reasons: tuple[str, ...] = ()
        self._failures: tuple[str, ...] = ()

    def follow(self, stop: threading.Event) -> None:
        """Look in a thread of this process, until `stop` is set; without a desk there is nothing to look at."""
        if self._desk is not None:
            threading.Thread(target=self._follow, args=(self._desk, stop), name="incidents", daemon=True).start()

    def warnings(self) -> tuple[str, ...]:
        """Why somebody may not have heard of an incident; empty when all have."""
        return tuple(f"incidents: {failure}" for failure in self._failures)

    def turn(self, desk: IncidentDesk) -> None:
        """Look once."""
        try:
            deadline = Deadline.after(_TURN_SECONDS, self._engine.clock.monotonic)
            tried = report_incidents(self._engine, desk, deadline)
            unheard = desk.outbox.unheard()
            self._reasons = (tried or self._reasons) if unheard else ()
            self._failures = (self._reasons or (f"somebody has still to hear of {unheard}",)) if unheard else ()
        except AssayError as error:
            self._failures = (error.message,)
        except Exception as error:  # noqa: BLE001  # the boundary of a long-lived thread
            _LOG.exception("incidents could not be reported")
            self._engine.metrics.count_failure("internal")
            self._failures = (f"unexpected {type(error).__name__}",)

    def _follow(self, desk: IncidentDesk, stop: threading.Event) -> None:
        while not stop.wait(_PAUSE_SECONDS):
            self.turn(desk)
