"""A sequencer in a process of its own that may kill itself: `sequencer_program.py FOLDER [STATEMENT COUNT]`.

With a statement's beginning and a count it kills itself (SIGKILL) right before SQLite runs that statement for the last
of that many times; `COMMITTED` stands for the moment after a commit.
"""

import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path

from sqlalchemy import Engine, event

from assay.adapters.clock import SystemClock
from assay.adapters.log.latest import LatestCheckpoint
from assay.adapters.log.migration import migrate
from assay.adapters.log.sequencer import run_sequencer
from tests.fakes.sequencer import ORIGIN


def _die_at(moment: str, count: int) -> None:
    left = count

    def meet(seen: str) -> None:
        nonlocal left
        left -= seen.startswith(moment)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(driver: sqlite3.Connection, _record: object) -> None:
        driver.set_trace_callback(meet)

    event.listen(Engine, "connect", watch)
    if moment == "COMMITTED":
        write = LatestCheckpoint.write

        def die_after_commit(latest: LatestCheckpoint, note: str) -> None:
            meet("COMMITTED")
            write(latest, note)

        LatestCheckpoint.write = die_after_commit  # type: ignore[method-assign, assignment]  # what comes after a commit


def main() -> None:
    """Run until SIGTERM."""
    if len(sys.argv) > 2:
        _die_at(sys.argv[2], int(sys.argv[3]))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_sequencer(
        state=Path(sys.argv[1]),
        origin=ORIGIN,
        clock=SystemClock(),
        stop=stop,
        migrate=migrate,
        ready=lambda: print("ready", flush=True),  # noqa: T201  # what the test waits for
    )


if __name__ == "__main__":
    main()
