"""A clock that moves only when told."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass
class FrozenClock:
    """Wall time that stands still, and a monotonic clock that a test moves."""

    seconds: float = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds
