"""The sequencer: the one writer of the decision log, reached over a unix socket in the state folder."""

import logging
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from assay.adapters.log.connection import migrate, open_writer
from assay.adapters.log.entry import read_entry
from assay.adapters.log.inbox import Inbox, Ticket
from assay.adapters.log.startup import open_log
from assay.adapters.log.state import StateFolder, hold_lock, open_state
from assay.adapters.log.wire import (
    Answer,
    RecordRequest,
    Refusal,
    parse_request,
    receive_frame,
    render_answer,
    send_frame,
)
from assay.adapters.log.writer import Writer
from assay.domain.errors import AssayError, Unavailable
from assay.ports import Clock

_LOGGER = logging.getLogger(__name__)
_PLACES = 4096
_QUEUED_OCTETS = 512 * 1024 * 1024
_MOST_CONNECTIONS = 1024
_LONGEST_BUDGET = 600_000
_PATIENCE = 10.0
_SEND_PATIENCE = struct.pack("ll", int(_PATIENCE), 0)
"""The kernel's own time-out (a `timeval`): one that Python keeps would cost a system call before every answer."""
_POLL = 0.1


def run_sequencer(
    *, state: Path, origin: str, clock: Clock, stop: threading.Event, ready: Callable[[], None] = lambda: None
) -> None:
    """Write the log in the folder `state` until `stop` is set; then finish what is queued and return.

    `ready` is called when the socket listens. Raises `ConfigError` when the folder, the key or the log is not what it
    must be (`open_state`, `hold_lock`, `open_log`), and whatever ended the writer. Killed at any point, it loses
    nothing that was answered and records nothing twice. Signals are the caller's: set `stop` on SIGTERM.
    """
    folder = open_state(state)
    with hold_lock(folder):
        engine = open_writer(folder.database)
        try:
            migrate(engine)
            key, head = open_log(engine, folder, origin)
            inbox = Inbox(places=_PLACES, octets=_QUEUED_OCTETS)
            writer = Writer(engine=engine, state=folder, key=key, head=head, inbox=inbox, clock=clock)
            _serve(folder, writer, inbox, clock=clock, stop=stop, ready=ready)
        finally:
            engine.dispose()
    if writer.failure is not None:
        raise writer.failure


def _serve(
    folder: StateFolder, writer: Writer, inbox: Inbox, *, clock: Clock, stop: threading.Event, ready: Callable[[], None]
) -> None:
    ended = threading.Event()
    thread = threading.Thread(target=writer.run, args=(ended,), name="log-writer", daemon=True)
    connections = Connections(inbox, clock)
    with _listen(folder.socket) as listener:
        thread.start()
        _LOGGER.info("the sequencer listens on %s", folder.socket)
        ready()
        while not (stop.is_set() or ended.is_set()):
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connections.add(connection)
    inbox.close()
    thread.join()
    connections.close()


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)  # the lock is ours, so nobody listens there
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    os.chmod(path, 0o600)  # noqa: PTH101  # the folder is 0700, so nobody came before this
    listener.listen(128)
    listener.settimeout(_POLL)
    return listener


class Connections:
    """One thread for each worker's connection; each reads a frame, queues it, waits, answers, and reads the next."""

    def __init__(self, inbox: Inbox, clock: Clock, *, most: int = _MOST_CONNECTIONS) -> None:
        self._inbox = inbox
        self._clock = clock
        self._most = most
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()

    def add(self, connection: socket.socket) -> None:
        """Serve a connection; above the limit it is closed, which its worker reads as `log_unavailable`."""
        thread = threading.Thread(target=self._run, args=(connection,), name="log-connection", daemon=True)
        with self._lock:
            if len(self._open) >= self._most:
                connection.close()
                return
            self._open[connection] = thread
        connection.settimeout(None)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_PATIENCE)
        thread.start()

    def close(self) -> None:
        """Let every thread send the answer it has and end."""
        with self._lock:
            remaining = dict(self._open)
        for connection in remaining:
            _stop_reading(connection)
        for thread in remaining.values():
            thread.join(_PATIENCE)

    def _run(self, connection: socket.socket) -> None:
        try:
            while (octets := receive_frame(connection, patience=_PATIENCE)) is not None:
                send_frame(connection, render_answer(self._answer(octets)))
        except (OSError, AssayError) as error:
            _LOGGER.warning("a worker's connection ended: %s", error)
        finally:
            with self._lock:
                del self._open[connection]
            connection.close()

    def _answer(self, octets: bytes) -> Answer:
        try:
            ticket = self._read_ticket(octets)
            self._inbox.put(ticket)
        except AssayError as error:
            return Refusal(code=error.code, message=error.message, remedy=error.remedy, retryable=error.retryable)
        answer = ticket.wait(ticket.deadline - self._clock.monotonic())
        return answer or Refusal(
            code="log_unavailable",
            message="the decision was not recorded in time",
            remedy="repeat the call with the same decision; it is recorded once",
            retryable=True,
        )

    def _read_ticket(self, octets: bytes) -> Ticket:
        request = parse_request(octets)
        if not 0 < request.budget <= _LONGEST_BUDGET:
            raise Unavailable(
                "log_unavailable", "the call left no time to record the decision", remedy="repeat it with more time"
            )
        entry = read_entry(request) if isinstance(request, RecordRequest) else None
        return Ticket(entry=entry, octets=len(octets), deadline=self._clock.monotonic() + request.budget / 1000)


def _stop_reading(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RD)
    except OSError:  # it is gone already
        return
