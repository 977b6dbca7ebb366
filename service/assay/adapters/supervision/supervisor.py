"""The supervisor: starts every process in order, restarts what ends, ends everything in reverse order."""

import signal
import time
from collections.abc import Callable, Mapping, Sequence

from assay.adapters.supervision.child import Child, ChildSpec

_TICK = 0.05
_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def supervise(
    specs: Sequence[ChildSpec],
    *,
    started: Callable[[Mapping[str, int]], None],
    changed: Callable[[Mapping[str, int]], None],
    report: Callable[[str], None],
) -> None:
    """Run the processes until SIGTERM or SIGINT, then end them in reverse order, front ones at once.

    Guaranteed: a process that ends is started again with back-off; every process dies with this one, also by kill -9.
    Must run in the main thread of a process without other threads. `started` is called once all were started,
    `changed` whenever a process id changed (both with name to process id); `report` gets one line per event.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    children = [Child(spec) for spec in specs]
    try:
        for child in children:
            child.start(time.monotonic())
            report(f"{child.spec.name} started (process {child.pid})")
        changed(_running(children))
        started(_running(children))
        while signal.sigtimedwait(_STOP_SIGNALS, _TICK) is None:
            events = [event for child in children if (event := child.watch(time.monotonic()))]
            for event in events:
                report(event)
            if events:
                changed(_running(children))
    finally:
        _stop(children, report)
        report("all processes have ended")


def _stop(children: Sequence[Child], report: Callable[[str], None]) -> None:
    for child in children:
        if child.spec.front:
            child.request_stop()
            report(f"{child.spec.name} finishes what it has begun")
    for child in reversed(children):
        child.stop()


def _running(children: Sequence[Child]) -> Mapping[str, int]:
    return {child.spec.name: pid for child in children if (pid := child.pid) is not None}
