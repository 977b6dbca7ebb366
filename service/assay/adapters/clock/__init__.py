"""The system's clocks."""

import os
import time
from datetime import UTC, datetime

from assay.domain.ulid import RANDOM_OCTETS, render_ulid


class SystemClock:
    """Wall and monotonic time of this machine."""

    def now(self) -> datetime:
        """The current time, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some point in the past."""
        return time.monotonic()


def new_identifier() -> str:
    """A fresh ULID from the system's time and randomness."""
    return render_ulid(time.time_ns() // 1_000_000, os.urandom(RANDOM_OCTETS))


def random_share() -> float:
    """A random number from 0 to below 1, for spreading out what would otherwise happen everywhere at once."""
    return int.from_bytes(os.urandom(4)) / 2**32
