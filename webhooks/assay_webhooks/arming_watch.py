"""Logging, once a webhook runs again, that it was disarmed and armed."""

import logging
import threading
from collections.abc import Callable

from assay.domain.arming import Change
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError
from assay.ports import Clock, ClusterObjects
from assay_webhooks.arming import parse_history
from assay_webhooks.way_out import CONFIGURATION_PATHS

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS = 30.0
_TURN_SECONDS = 20.0

Record = Callable[[Change, Deadline], None]


class ArmingWatch:
    """Looks every half minute at what our registered configurations remember, and has each change recorded.

    What could not be read or recorded is tried again, and `warnings` says so until it could. Recording is the log's to
    make unique: every process of every replica may watch. Safe to make before a fork.
    """

    def __init__(self, objects: ClusterObjects | None, record: Record, clock: Clock) -> None:
        self._objects = objects
        self._record = record
        self._clock = clock
        self._recorded: frozenset[Change] = frozenset()
        self._failure = ""

    def follow(self, stop: threading.Event) -> None:
        """Look in a thread of this process, until `stop` is set; without a cluster there is nothing to look at."""
        if self._objects is None:
            return
        threading.Thread(target=self._follow, args=(self._objects, stop), name="arming", daemon=True).start()

    def warnings(self) -> tuple[str, ...]:
        """Why changes may be missing in the log; empty when none are."""
        return (f"arming: {self._failure}",) if self._failure else ()

    def turn(self, objects: ClusterObjects) -> None:
        """Look once."""
        try:
            self._look(objects, Deadline.after(_TURN_SECONDS, self._clock.monotonic))
        except AssayError as error:
            self._failure = error.message
        except Exception as error:  # noqa: BLE001  # the boundary of a long-lived thread
            _LOG.exception("what the webhook configurations remember could not be recorded")
            self._failure = f"unexpected {type(error).__name__}"
        else:
            self._failure = ""

    def _look(self, objects: ClusterObjects, deadline: Deadline) -> None:
        for path in CONFIGURATION_PATHS:
            for change in parse_history(objects.get(path, deadline) or {}):
                if change not in self._recorded:
                    self._record(change, deadline)
                    self._recorded |= {change}
                    _LOG.warning("the webhook was changed: %s by %s at %s", change.action, change.by, change.at)

    def _follow(self, objects: ClusterObjects, stop: threading.Event) -> None:
        pause = 0.0
        while not stop.wait(pause):
            self.turn(objects)
            pause = _PAUSE_SECONDS
