"""One supervised process."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies, also by kill -9 (prctl(2), PR_SET_PDEATHSIG)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _begin() -> None:
    die_with_parent()
    # The supervisor waits for its signals with a blocked mask, which a child would inherit.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How to start a process: its name in reports, command, added environment, inherited descriptors, log file.

    `grace` is the number of seconds it gets between SIGTERM and SIGKILL. `probe` tells whether the process does its
    work, within about a second; a process that fails it several times in a row is killed and started again. `front`
    processes answer callers: they end first, all at once, while what is behind them still serves.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    descriptors: tuple[int, ...] = ()
    log: Path
    grace: float
    probe: Callable[[], bool] | None = None
    front: bool = False


class Child:
    """A process that is started again with growing pauses when it ends by itself."""

    _SHORTEST_PAUSE = 0.1
    _LONGEST_PAUSE = 5.0
    _STABLE_AFTER = 10.0
    _PROBE_EVERY = 2.0
    _PROBE_FIRST_AFTER = 15.0
    _MOST_FAILURES = 3

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self._next_probe = 0.0
        self._failures = 0
        self._stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = self._SHORTEST_PAUSE
        self._next_start = 0.0

    @property
    def pid(self) -> int | None:
        """The process id while the process runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, now: float) -> None:
        """Start the process; it dies with the thread that calls this."""
        environment = {**os.environ, **self.spec.environment}
        with self.spec.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.spec.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                pass_fds=self.spec.descriptors,
                start_new_session=True,
                preexec_fn=_begin,  # noqa: PLW1509  # the supervisor has one thread, so this is safe
            )
        self._started = now
        self._next_probe = now + self._PROBE_FIRST_AFTER
        self._failures = 0

    def watch(self, now: float) -> str | None:
        """Notice an ended process, start it again when its pause is over; returns what happened, if anything."""
        if self._process is None:
            return self._start_again(now)
        status = self._process.poll()
        if status is None:
            return self._probe(now)
        self._process = None
        self._pause = (
            self._SHORTEST_PAUSE
            if now - self._started > self._STABLE_AFTER
            else min(self._pause * 2, self._LONGEST_PAUSE)
        )
        self._next_start = now + self._pause
        return f"{self.spec.name} ended with status {status}; it is started again in {self._pause:.1f} s"

    def _probe(self, now: float) -> str | None:
        if self.spec.probe is None or now < self._next_probe or self._process is None:
            return None
        self._next_probe = now + self._PROBE_EVERY
        self._failures = 0 if self.spec.probe() else self._failures + 1
        if self._failures < self._MOST_FAILURES:
            return None
        self._process.kill()
        self._failures = 0
        return f"{self.spec.name} did not answer {self._MOST_FAILURES} times and is killed"

    def _start_again(self, now: float) -> str | None:
        if now < self._next_start:
            return None
        self.start(now)
        return f"{self.spec.name} was started again"

    def request_stop(self) -> None:
        """Send SIGTERM, once, and return: a second one would cut a graceful end short or confuse it."""
        if self._process is not None and not self._stopping:
            self._stopping = True
            self._process.terminate()

    def stop(self) -> None:
        """End the process: SIGTERM, then SIGKILL for its whole group once `grace` is over."""
        if self._process is None:
            return
        self.request_stop()
        try:
            self._process.wait(self.spec.grace)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None
