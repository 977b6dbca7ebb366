"""gunicorn's threaded worker, made so that a slow client costs a socket and never a thread.

The stock worker waits in a thread for handshakes, heads and bodies, without an end: as many half-open clients as there
are threads stop it. Here one loop reads whatever has arrived, two threads do the cryptography of handshakes, and a
thread of the pool gets a request only when all of it is here.
"""

import contextlib
import errno
import selectors
import socket
import ssl
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from gunicorn.http.errors import NoMoreData
from gunicorn.workers.gthread import ThreadWorker

from assay.adapters.supervision.answering import WSGI, AnsweringThreads
from assay.adapters.supervision.connection import Connection, LengthRequired, Stage
from assay.adapters.supervision.gunicorn_hooks import REFUSED
from assay.adapters.supervision.loop_answers import LoopAnswers
from assay.adapters.supervision.loop_application import IN_LOOP, render_reply
from assay.adapters.supervision.server import LAME_DUCK_SECONDS, LOWEST_TLS, MOST_OCTETS, READ_SECONDS
from assay.adapters.supervision.tls import ReloadingContext, TlsPaths
from assay.adapters.supervision.whole_request import HeadBook, WholeRequest
from assay.domain.http_call import HttpReply
from assay.domain.server_status import Refusal, ServerStatus

_HANDSHAKE_THREADS = 2
_WAITING_PER_THREAD = 32
_MOST_HELD_OCTETS = 256 * 1024 * 1024
_LARGE_OCTETS = 64 * 1024
_LIVENESS = "/healthz"
_LINGER_SECONDS = 5.0
_QUIET_SECONDS = 0.5
_TICK_SECONDS = 0.25
_CERTIFICATE_CHECK_SECONDS = 2.0
_STEP_BACK_SECONDS = 0.001
_MOST_STEPS_BACK = 10
_SWITCH_SECONDS = 0.0005
"""How long a thread that computes keeps the interpreter from one that wants it: the loop lets go of it with every
system call, several times for one review, and would wait Python's own 5 ms each time while a thread judges an image."""


class BoundedWorker(ThreadWorker):  # type: ignore[misc]  # the library is untyped
    """A worker in which every wait for a client has an end and none of them takes a thread.

    Guaranteed: a handshake, and a request from its first byte to its last, take `READ_SECONDS` at most; an idle
    connection is kept for gunicorn's `keepalive`; a request that would wait behind too many others is answered 503 at
    once; when there is no room for a connection, the one that has waited longest without asking anything makes it.
    After SIGTERM the worker goes on for `LAME_DUCK_SECONDS`, then finishes what has begun within gunicorn's
    `graceful_timeout`; every answer since then closes its connection. The three are variables of gunicorn's `env`.
    """

    wsgi: WSGI
    _handshakes: ThreadPoolExecutor
    _answering_threads: AnsweringThreads
    count_refusal: Callable[[Refusal], None]

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        environment = self.cfg.env
        self._read_seconds = float(environment[READ_SECONDS])
        self._lame_duck_seconds = float(environment[LAME_DUCK_SECONDS])
        self._most_octets = int(environment[MOST_OCTETS])
        self._most_waiting = self.cfg.threads * _WAITING_PER_THREAD
        self._connections: set[Connection] = set()
        self._answering = 0
        self._tls: ReloadingContext | None = None
        self.status = ServerStatus()
        self._next_expiry = 0.0
        self._next_look = 0.0
        self._last_event = 0.0
        self._accept_at: float | None = None
        self._loop: LoopAnswers | None = None
        self._with_more: deque[Connection] = deque()
        self._heads = HeadBook()

    def run(self) -> None:
        """Serve until SIGTERM, then drain."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        extensions = self.wsgi.extensions  # type: ignore[attr-defined]  # a Flask application
        self.count_refusal = extensions[REFUSED]
        if self.cfg.is_ssl:
            client_ca = Path(self.cfg.ca_certs) if self.cfg.ca_certs else None
            lowest = ssl.TLSVersion[self.cfg.env[LOWEST_TLS]]
            certificate, key = Path(self.cfg.certfile), Path(self.cfg.keyfile)
            paths = TlsPaths(certificate=certificate, key=key, client_ca=client_ca, lowest=lowest)
            self._tls = ReloadingContext(paths)
        self._handshakes = ThreadPoolExecutor(_HANDSHAKE_THREADS)
        self._answering_threads = AnsweringThreads(self, self._read_seconds, self._answered)
        self._answering_threads.start(self.cfg.threads)
        if IN_LOOP in extensions:
            self._loop = LoopAnswers(extensions[IN_LOOP], self._answering_threads, self)
            self._loop.begin(self.poller)
        self.poller.register(self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks)
        self.set_accept_enabled(True)
        while self.alive and self.is_parent_alive():
            self._turn()
        self._drain()

    def _turn(self) -> None:
        self.wait_for_and_dispatch_events(self._patience())
        for _ in range(len(self._with_more)):
            self._read(self._with_more.popleft())
        if self._loop is not None:
            self._loop.attend()
        now = time.monotonic()
        if self._accept_at is not None and now >= self._accept_at:
            self._step_forward()
        if now >= self._next_expiry:
            self._next_expiry = now + _TICK_SECONDS
            self.notify()
            self._expire(now)
        if now >= self._next_look:
            self._next_look = now + _CERTIFICATE_CHECK_SECONDS
            self._look_at_certificate()

    def _patience(self) -> float:
        """How long there is nothing to do, if nothing happens."""
        if self._with_more:
            return 0.0
        patience = _TICK_SECONDS if self._accept_at is None else max(0.0, self._accept_at - time.monotonic())
        patience = min(patience, _TICK_SECONDS)
        return patience if self._loop is None else self._loop.seconds_left(patience)

    def _drain(self) -> None:
        self.status = replace(self.status, draining=True)
        begun = time.monotonic()
        lame_until, end = begun + self._lame_duck_seconds, begun + self.cfg.graceful_timeout
        while time.monotonic() < lame_until:
            self._turn()
        self.set_accept_enabled(False)
        self._accept_at = None
        self._last_event = time.monotonic()
        while self._is_busy() and time.monotonic() < end:
            self._turn()
        for connection in list(self._connections):
            self._close(connection)
        self._handshakes.shutdown(wait=False)
        if self._loop is not None:
            self._loop.end()
        self.poller.close()
        self.method_queue.close()
        for listener in self.sockets:
            listener.close()

    def _is_busy(self) -> bool:
        # An idle connection may be one on which a request is under way: none is closed before a moment of quiet.
        quiet = time.monotonic() - self._last_event > _QUIET_SECONDS
        stages = {connection.stage for connection in self._connections}
        return bool(stages) and not (quiet and stages <= {Stage.IDLE, Stage.LINGERING})

    def accept(self, listener: socket.socket) -> None:
        """Let a worker that has fewer connections take this one; if it is still there after a moment, take it in."""
        if self._connections:
            # All workers are woken for a connection; without this the quickest would get all of them.
            steps = min(len(self._connections), _MOST_STEPS_BACK)
            self._accept_at = time.monotonic() + steps * _STEP_BACK_SECONDS
            self.set_accept_enabled(False)
        else:
            self._take_in(listener)

    def _step_forward(self) -> None:
        self._accept_at = None
        self.set_accept_enabled(True)
        for listener in self.sockets:
            for _ in range(1 + len(self._connections) // _MOST_STEPS_BACK):
                self._take_in(listener)

    def _take_in(self, listener: socket.socket) -> None:
        """Take one connection in, if need be in the place of another."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            # Otherwise it was taken by another worker, or is gone already.
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                self._make_room()
            return
        if len(self._connections) >= self.worker_connections and not self._make_room():
            sock.close()
            return
        try:
            prepared = self._prepare(sock)
        except OSError:  # the client has gone, or said something before its turn
            sock.close()
            return
        connection = Connection(
            prepared,
            client,
            listener.getsockname(),
            cfg=self.cfg,
            most_octets=self._most_octets,
            heads=self._heads,
        )
        self._connections.add(connection)
        if self._tls is None:
            self._await(connection, Stage.IDLE, self.cfg.keepalive)
        else:
            self._await(connection, Stage.HANDSHAKE, self._read_seconds)

    def _prepare(self, sock: socket.socket) -> socket.socket:
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return sock
        return self._tls.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)

    def _make_room(self) -> bool:
        candidates = [connection for connection in self._connections if connection.may_end]
        if not candidates:
            return False
        # Who never asked anything goes first: in a flood of half-open connections those are the flood.
        self._close(min(candidates, key=lambda connection: (connection.answered, connection.since)))
        return True

    def _await(self, connection: Connection, stage: Stage, seconds: float, *, writable: bool = False) -> None:
        if connection.stage is not stage:
            connection.stage = stage
            connection.since = time.monotonic()
            connection.deadline = connection.since + seconds
        if not connection.polled:
            connection.polled = True
            event = selectors.EVENT_WRITE if writable else selectors.EVENT_READ
            self.poller.register(connection.sock, event, partial(self._on_event, connection))

    def _on_event(self, connection: Connection, _: object) -> None:
        self._last_event = time.monotonic()
        match connection.stage:
            case Stage.ANSWERING:  # it says more before it has its answer, which is looked at after that
                self.leave_poller(connection)
            case Stage.HANDSHAKE:
                self.leave_poller(connection)
                step = self._handshakes.submit(_shake_hands, connection.sock)
                step.add_done_callback(lambda done: self.method_queue.defer(self._after_handshake, connection, done))
            case Stage.LINGERING:
                self._discard(connection)
            case _:
                self._read(connection)

    def _after_handshake(self, connection: Connection, step: Future[int]) -> None:
        if step.exception() is not None:
            self._close(connection)
        elif (wanted := step.result()) == 0:
            self._await_request(connection)
        else:
            writable = wanted == ssl.SSL_ERROR_WANT_WRITE
            self._await(connection, Stage.HANDSHAKE, self._read_seconds, writable=writable)

    def _await_request(self, connection: Connection) -> None:
        if connection.has_more:
            # Out of the poller: it is read in the next turn, once, and nobody ends it before.
            self.leave_poller(connection)
            self._with_more.append(connection)
        else:
            self._await(connection, Stage.IDLE, self.cfg.keepalive)

    def _read(self, connection: Connection) -> None:
        try:
            request = connection.receive()
        except (EOFError, OSError, StopIteration, NoMoreData):
            self._close(connection)
        except LengthRequired:
            self._refuse(connection, HTTPStatus.LENGTH_REQUIRED, Refusal.LENGTHLESS)
        except Exception as error:  # noqa: BLE001  # the parser's many, and the one boundary of this thread
            self.count_refusal(Refusal.MALFORMED)
            self.handle_error(None, connection.sock, connection.client, error)
            self._linger(connection)
        else:
            self._after_read(connection, request)

    def _after_read(self, connection: Connection, request: WholeRequest | None) -> None:
        if request is None:
            if self._holds_too_much(connection):
                self._refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, Refusal.BUSY)
            elif connection.has_begun:
                self._await(connection, Stage.RECEIVING, self._read_seconds)
            else:
                self._await(connection, Stage.IDLE, self.cfg.keepalive)
        elif request.head.path == _LIVENESS and self._answering >= self.cfg.threads:
            # Threads that all wait for a registry are busy, not dead; this loop is what would be dead.
            self._reply(connection, HTTPStatus.OK, '{"status": "alive"}\n', "application/json")
        elif self._answering >= self._most_waiting:
            self._refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, Refusal.BUSY)
        else:
            self._answering += 1
            connection.stage = Stage.ANSWERING
            if self._loop is None or not self._loop.take(connection, request):
                self.leave_poller(connection)
                self._answering_threads.take(connection, request)

    def _holds_too_much(self, connection: Connection) -> bool:
        if connection.held_octets < _LARGE_OCTETS:
            return False
        return sum(each.held_octets for each in self._connections) > _MOST_HELD_OCTETS

    def _answered(self, connection: Connection, goes_on: bool) -> None:  # noqa: FBT001  # a callback
        """Called by the thread that answered."""
        self.method_queue.defer(self.after_answer, connection, goes_on)

    def after_answer(self, connection: Connection, goes_on: bool) -> None:  # noqa: FBT001  # a callback
        """Wait for the next request of a connection, or end it."""
        self._last_event = time.monotonic()
        self._answering -= 1
        connection.let_go()
        if goes_on:
            connection.sock.setblocking(False)
            self._await_request(connection)
        else:
            self._linger(connection)

    def occupy(self, requests: int) -> None:
        """Count so many requests more, or less, as being answered."""
        self._answering += requests

    def call_in_loop(self, callback: Callable[..., None], *arguments: object) -> None:
        """Have the loop call this soon; any thread may say so."""
        self.method_queue.defer(callback, *arguments)

    def _refuse(self, connection: Connection, status: HTTPStatus, why: Refusal) -> None:
        self.count_refusal(why)
        # No Retry-After: the API server would repeat the call until its time is over and tell nobody why.
        self._reply(connection, status, f"{status.phrase}\n", "text/plain")

    def _reply(self, connection: Connection, status: HTTPStatus, text: str, content_type: str) -> None:
        reply = HttpReply(
            status=f"{status.value} {status.phrase}", content_type=content_type, body=text.encode("ascii")
        )
        with contextlib.suppress(OSError):
            connection.sock.send(render_reply(reply, close=True))
        self._linger(connection)

    def _linger(self, connection: Connection) -> None:
        # Closing while bytes of the client are unread would reset the connection and take our answer with it.
        try:
            connection.sock.setblocking(False)
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)
        else:
            self._await(connection, Stage.LINGERING, _LINGER_SECONDS)

    def _discard(self, connection: Connection) -> None:
        try:
            gone = not connection.sock.recv(_LARGE_OCTETS)
        except BlockingIOError:
            gone = False
        except OSError:
            gone = True
        if gone:
            self._close(connection)
        else:
            self._await(connection, Stage.LINGERING, _LINGER_SECONDS)

    def _expire(self, now: float) -> None:
        for connection in [each for each in self._connections if each.may_end and each.deadline <= now]:
            if connection.stage is Stage.RECEIVING:
                self._refuse(connection, HTTPStatus.REQUEST_TIMEOUT, Refusal.SLOW)
            else:
                self._close(connection)

    def leave_poller(self, connection: Connection) -> None:
        """Wait for nothing on this connection."""
        if connection.polled:
            connection.polled = False
            self.poller.unregister(connection.sock)

    def _close(self, connection: Connection) -> None:
        self.leave_poller(connection)
        self._connections.discard(connection)
        connection.sock.close()

    def _look_at_certificate(self) -> None:
        if self._tls is not None:
            self._tls.refresh()
            warnings = (self._tls.warning,) if self._tls.warning else ()
            self.status = replace(self.status, warnings=warnings)


def _shake_hands(sock: Any) -> int:  # noqa: ANN401  # a TLS socket; a connection may have a plain one
    """Go on with a handshake as far as it goes now: 0 when it is done, else what OpenSSL waits for."""
    try:
        sock.do_handshake()
    except ssl.SSLWantReadError:
        return int(ssl.SSL_ERROR_WANT_READ)
    except ssl.SSLWantWriteError:
        return int(ssl.SSL_ERROR_WANT_WRITE)
    return 0
