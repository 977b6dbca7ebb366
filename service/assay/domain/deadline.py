"""One deadline, handed from the caller through every hop."""

from collections.abc import Callable
from dataclasses import dataclass

from assay.domain.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A point on a monotonic clock, in seconds; `clock` is that clock."""

    at: float
    clock: Callable[[], float]

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float]) -> "Deadline":
        """The deadline this many seconds from now."""
        return cls(at=clock() + seconds, clock=clock)

    def part(self, share: float) -> "Deadline":
        """The deadline of a step that may use this share (0 to 1) of the time left; the steps after it keep the rest.

        A step that stands still then fails under its own name, while there is time to record that it did.
        """
        now = self.clock()
        return Deadline(at=now + (self.at - now) * share, clock=self.clock)

    def remaining(self, what: str) -> float:
        """Seconds left, always above zero; `Unavailable(deadline_exceeded)` naming `what` when none are left."""
        left = self.at - self.clock()
        if left <= 0:
            raise Unavailable(
                "deadline_exceeded",
                f"no time was left for {what}",
                remedy="repeat the call; raise its timeout if this happens often",
            )
        return left
