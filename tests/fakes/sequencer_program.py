"""A sequencer in a process of its own that may kill itself: `sequencer_program.py FOLDER [STATEMENT COUNT]`.

With a statement's beginning and a count it kills itself (SIGKILL) right before it sends that statement to SQLite for
the last of that many times; `COMMIT` stands for the moment before a commit, `COMMITTED` for the one after it.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from sqlalchemy import Engine, event

from assay.adapters.clock import SystemClock
from assay.adapters.log.sequencer import run_sequencer
from assay.adapters.log.writer import Writer
from tests.fakes.sequencer import ORIGIN


def _die_at(moment: str, count: int) -> None:
    left = count

    def meet(seen: str) -> None:
        nonlocal left
        left -= seen.startswith(moment)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", lambda *arguments: meet(arguments[2]))
    event.listen(Engine, "commit", lambda _connection: meet("COMMIT ") if moment == "COMMIT" else None)
    if moment == "COMMITTED":
        remember = Writer._remember

        def die_after_commit(writer: Writer, *arguments: object) -> None:
            meet("COMMITTED")
            remember(writer, *arguments)  # type: ignore[arg-type]  # handed on as they came

        Writer._remember = die_after_commit  # type: ignore[method-assign, assignment]  # the one place after a commit


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
        ready=lambda: print("ready", flush=True),  # noqa: T201  # what the test waits for
    )


if __name__ == "__main__":
    main()
