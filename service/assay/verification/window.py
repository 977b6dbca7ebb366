"""Windows of time."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A closed interval: both ends belong to it; None means that this end is open.

    `ValueError` for a window that ends before it starts: nothing could ever lie in it.
    """

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError("the window ends before it starts")

    def surrounds(self, time: datetime) -> bool:
        """Whether the time, which needs a zone, lies in the window and at neither end of it."""
        return (self.start is None or self.start < time) and (self.end is None or time < self.end)

    def contains(self, time: datetime) -> bool:
        """Whether the time, which needs a zone, lies in the window."""
        return (self.start is None or self.start <= time) and (self.end is None or time <= self.end)
