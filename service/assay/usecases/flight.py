"""Work that several callers wait for: one flight for each key, a bound for each host and one for the process."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar, cast

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flight:
    key: Hashable
    host: str
    work: Callable[[], object]
    landed: "Future[object]"


@dataclass(slots=True, kw_only=True)
class Flights:
    """Runs work on threads of its own, at most `slots` at a time and `per_host` for one host; the rest waits in line.

    Whoever joins a key whose work is under way waits for that work. It goes on when the one who began it has gone,
    so its deadline must be its own. What it returns or raises is for those who wait now; nothing is remembered.
    """

    slots: int = 32
    per_host: int = 16
    _under_way: dict[Hashable, "Future[object]"] = field(default_factory=dict)
    _waiting: dict[str, deque[_Flight]] = field(default_factory=dict)
    _running: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self, key: Hashable, host: str, work: Callable[[], T]) -> tuple["Future[T]", bool]:
        """What the work for this key will give, and whether it was under way before; work must be all `key` says."""
        with self._lock:
            landed = self._under_way.get(key)
            if landed is not None:
                return cast("Future[T]", landed), True
            flight = _Flight(key=key, host=host, work=work, landed=Future())
            self._under_way[key] = flight.landed
            self._waiting.setdefault(host, deque()).append(flight)
            self._start()
        return cast("Future[T]", flight.landed), False

    def _start(self) -> None:
        """Begin what there is room for; the lock is held."""
        for host in list(self._waiting):
            queue = self._waiting[host]
            while queue and self._running.total() < self.slots and self._running[host] < self.per_host:
                self._launch(queue.popleft())
            if not queue:
                del self._waiting[host]

    def _launch(self, flight: _Flight) -> None:
        # A daemon: a worker that is told to stop must not wait for a registry that stands still.
        thread = threading.Thread(target=self._fly, args=(flight,), name="flight", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the process has no thread left: whoever waits is told, the next one tries again
            del self._under_way[flight.key]
            flight.landed.set_exception(error)
        else:
            self._running[flight.host] += 1

    def _fly(self, flight: _Flight) -> None:
        outcome: object = None
        error: BaseException | None = None
        try:
            outcome = flight.work()
        except Exception as raised:  # noqa: BLE001  # it is raised again in every thread that waits
            error = raised
        with self._lock:
            del self._under_way[flight.key]
            self._running[flight.host] -= 1
            if not self._running[flight.host]:
                del self._running[flight.host]
            self._start()
        if error is not None:
            flight.landed.set_exception(error)
        else:
            flight.landed.set_result(outcome)
