"""Registries in trouble, as far as one process knows."""

import threading
from dataclasses import dataclass, field

_REMEMBERED_SECONDS = 30.0
_PAUSE_SECONDS = 2.0


@dataclass(slots=True, kw_only=True)
class _Trouble:
    noted: float
    failing: bool
    ask_from: float


@dataclass(slots=True, kw_only=True)
class Outages:
    """Which registries keep silent or fail; times are seconds on the monotonic clock.

    One that keeps silent may still answer each question in the end, so it is asked about everything; one that fails is
    asked about one thing every other second. Trouble that nobody notes again is forgotten after half a minute. Only
    registries of images that were allowed before are noted, so there are never many. Shared by threads.
    """

    _troubles: dict[str, _Trouble] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def knows(self, host: str, now: float) -> bool:
        """Whether a registry was in trouble a short while ago."""
        trouble = self._troubles.get(host)
        return trouble is not None and now - trouble.noted < _REMEMBERED_SECONDS

    def note_silence(self, host: str, now: float) -> None:
        """A registry has not answered for a while; it may yet."""
        with self._lock:
            trouble = self._troubles.get(host)
            failing = trouble is not None and trouble.failing
            self._troubles[host] = _Trouble(noted=now, failing=failing, ask_from=now + _PAUSE_SECONDS)

    def note_failure(self, host: str, now: float) -> None:
        """A registry has given no answer that can be used."""
        with self._lock:
            self._troubles[host] = _Trouble(noted=now, failing=True, ask_from=now + _PAUSE_SECONDS)

    def note_answer(self, host: str) -> None:
        """A registry has answered as one that is well."""
        with self._lock:
            self._troubles.pop(host, None)

    def lets_ask(self, host: str, now: float) -> bool:
        """Whether a registry in trouble is to be asked now; of those who find one failing at once, one asks."""
        with self._lock:
            trouble = self._troubles.get(host)
            if trouble is None or not trouble.failing:
                return True
            if now < trouble.ask_from:
                return False
            trouble.ask_from = now + _PAUSE_SECONDS
            return True
