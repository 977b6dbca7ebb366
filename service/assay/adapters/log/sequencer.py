"""The sequencer: the one writer of the decision log, reached over a unix socket in the state folder."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from assay.adapters.log.connection import open_writer, read_generation, require_writable
from assay.adapters.log.connections import Connections
from assay.adapters.log.latest import LatestCheckpoint
from assay.adapters.log.peer import Peer
from assay.adapters.log.schema import GENERATION
from assay.adapters.log.startup import open_log
from assay.adapters.log.state import hold_lock, open_state
from assay.adapters.log.ticket import Ticket
from assay.adapters.log.wire import Answer
from assay.adapters.log.writer import Writer
from assay.ports import Clock

_LOGGER = logging.getLogger(__name__)
_POLL = 0.1


def run_sequencer(
    *,
    state: Path,
    origin: str,
    clock: Clock,
    stop: threading.Event,
    migrate: Callable[[Engine], None],
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Write the log in the folder `state` until `stop` is set; then finish what was asked and return.

    `migrate` is called with a database of another schema, to bring it to this release's or raise `ConfigError`.
    `ready` is called when the socket listens. Raises `ConfigError` when the folder, the key or the log is not what it
    must be (`open_state`, `hold_lock`, `open_log`), `Unavailable(database_unavailable)` when nothing can be written to
    it, and whatever else ends the writer. Killed at any point, it loses nothing that was answered and records nothing
    twice. Signals are the caller's: set `stop` on SIGTERM.
    """
    folder = open_state(state)
    with hold_lock(folder):
        engine = open_writer(folder.database)
        try:
            with engine.begin() as connection:
                generation = read_generation(connection)
            if generation != GENERATION:
                migrate(engine)
            key, head = open_log(engine, folder, origin)
            require_writable(engine)
            with LatestCheckpoint(folder.latest) as latest:
                writer = Writer(engine=engine, state=folder, latest=latest, key=key, head=head, clock=clock)
                _serve(folder.socket, writer, clock, stop, ready)
        finally:
            engine.dispose()


def _serve(path: Path, writer: Writer, clock: Clock, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Answer questions turn by turn: those that come while one turn is on its way to the disk are the next."""
    with _listening(path) as listener, Connections(listener, clock) as connections:
        _LOGGER.info("the sequencer listens on %s", path)
        ready()
        while not stop.is_set():
            _turn(connections, writer, _POLL)
        _turn(connections, writer, 0)
    writer.close()


def _turn(connections: Connections, writer: Writer, seconds: float) -> None:
    asked = connections.gather(seconds)
    written = iter(writer.write([ticket for _, ticket in asked if isinstance(ticket, Ticket)]))
    answers: dict[Peer, list[Answer]] = {}
    for peer, ticket in asked:
        answers.setdefault(peer, []).append(next(written) if isinstance(ticket, Ticket) else ticket)
    for peer, of_one in answers.items():
        connections.answer(peer, of_one)


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    path.unlink(missing_ok=True)  # the lock is ours, so nobody listens there
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        os.chmod(path, 0o600)  # noqa: PTH101  # the folder is 0700, so nobody came before this
        listener.listen(128)
        yield listener
