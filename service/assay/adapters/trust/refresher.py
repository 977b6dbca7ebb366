"""The one process that keeps trust roots up to date."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from assay.adapters.trust.repository import refresh_root
from assay.adapters.trust.root_file import read_published
from assay.adapters.trust.source import RootSource, TufSource
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError
from assay.ports import Clock
from assay.ports.metrics import TrustMetrics

REFRESH_SECONDS = 60.0
"""The deadline of one refresh, with everything that it fetches."""
_LOG = logging.getLogger(__name__)
_FIRST_PAUSE = 15.0
_SPREAD = 0.2


@dataclass(kw_only=True)
class _Turn:
    """A trust root, when it is its turn (on the monotonic clock), and how often in a row it has failed."""

    source: RootSource
    tuf: TufSource
    due: float
    failures: int = 0


def run_refresher(
    sources: Sequence[RootSource],
    *,
    clock: Clock,
    metrics: TrustMetrics,
    stop: threading.Event,
    jitter: Callable[[], float],
) -> None:
    """Refresh every root from its repository, each at its own interval, until `stop` is set.

    A root that was confirmed within its interval waits for the rest of it. After a failure the pause grows from 15
    seconds to the interval. `jitter` gives numbers from 0 to 1, so that many installations do not come at once: an
    interval is up to a fifth shorter. Nothing that a repository does ends the process.
    """
    turns = [
        _Turn(source=source, tuf=source.tuf, due=clock.monotonic() + _first_pause(source.tuf, clock))
        for source in sources
        if source.tuf is not None
    ]
    while not stop.is_set():
        for turn in turns:
            if clock.monotonic() >= turn.due and not stop.is_set():
                _take(turn, clock, metrics, jitter)
        soonest = min((turn.due for turn in turns), default=clock.monotonic() + REFRESH_SECONDS)
        stop.wait(max(0.0, soonest - clock.monotonic()))


def _first_pause(tuf: TufSource, clock: Clock) -> float:
    try:
        published = read_published(tuf)
    except ConfigError:
        published = None
    age = clock.now() - published.fetched_at if published is not None else tuf.refresh
    # A confirmation of the future does not count, so it is time for another one.
    return max(0.0, (tuf.refresh - age).total_seconds()) if age >= timedelta(0) else 0.0


def _take(turn: _Turn, clock: Clock, metrics: TrustMetrics, jitter: Callable[[], float]) -> None:
    outcome = _refresh(turn, clock)
    metrics.count_refresh(turn.source.name, outcome)
    interval = turn.tuf.refresh.total_seconds()
    turn.failures = 0 if outcome in {"changed", "confirmed"} else turn.failures + 1
    pause = min(interval, _FIRST_PAUSE * 2.0 ** min(turn.failures - 1, 16)) if turn.failures else interval
    turn.due = clock.monotonic() + pause * (1 - _SPREAD * jitter())


def _refresh(turn: _Turn, clock: Clock) -> str:
    name = turn.source.name
    deadline = Deadline.after(REFRESH_SECONDS, clock.monotonic)
    try:
        done = refresh_root(turn.source, turn.tuf, now=clock.now(), deadline=deadline)
    except AssayError as error:
        _LOG.warning("the trust root %s was not refreshed: %s: %s", name, error.code, error.message)
        return "refused" if error.code == "trust_refresh_refused" else "failed"
    except Exception as error:  # noqa: BLE001  # a long-lived loop: the last root stays and ages, which denies in the end
        _LOG.exception("the trust root %s was not refreshed: unexpected %s", name, type(error).__name__)
        return "internal"
    _LOG.info("the trust root %s is %s: %s", name, done.after.digest, done.after.versions)
    return "changed" if done.changed else "confirmed"
