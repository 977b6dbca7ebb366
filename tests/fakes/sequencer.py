"""The real sequencer in a thread of the test."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.adapters.clock import SystemClock
from assay.adapters.log.archive import Archive
from assay.adapters.log.client import SequencerClient
from assay.adapters.log.draft import Drafting
from assay.adapters.log.migration import migrate
from assay.adapters.log.sequencer import run_sequencer
from assay.adapters.log.state import StateFolder
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError

ORIGIN = "example.org/assay/test"


def soon(seconds: float = 10) -> Deadline:
    """A deadline on the real clock."""
    return Deadline.after(seconds, time.monotonic)


@contextmanager
def running(folder: Path, origin: str = ORIGIN) -> Iterator[SequencerClient]:
    """A client of a sequencer that writes the log in `folder` until the block ends; what it raised is raised here."""
    stop, ready = threading.Event(), threading.Event()
    failures: list[Exception] = []

    def run() -> None:
        try:
            run_sequencer(state=folder, origin=origin, clock=SystemClock(), stop=stop, migrate=migrate, ready=ready.set)
        except (AssayError, OSError, RuntimeError) as error:
            failures.append(error)
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    client = SequencerClient(StateFolder(folder=folder).socket, Drafting(service_version="0.1.0"))
    try:
        assert ready.wait(20)
        if not failures:
            yield client
    finally:
        client.close()
        stop.set()
        thread.join(20)
    for failure in failures:
        raise failure


def open_archive(folder: Path) -> Archive:
    """The reader of the log in `folder`."""
    return Archive(folder, StateFolder(folder=folder).verifier_key.read_text("ascii").strip())
