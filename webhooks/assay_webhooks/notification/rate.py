"""A bound on how often somebody may call."""

import threading
from collections.abc import Callable


class Rate:
    """Lets `burst` calls pass at once and `per_second` in the long run; `clock` counts seconds. Safe for threads."""

    def __init__(self, *, per_second: float, burst: int, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left = float(burst)
        self._looked = clock()
        self._lock = threading.Lock()

    def admits(self) -> bool:
        """Whether a call may pass now; one that may is counted."""
        with self._lock:
            now = self._clock()
            self._left = min(self._burst, self._left + (now - self._looked) * self._per_second)
            self._looked = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
