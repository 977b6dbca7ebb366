"""Flights that start when somebody waits for them, so that what is under way can be counted without a clock."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from assay.usecases.flight import Flights

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class WaitedFlights(Flights):
    """Each piece of work is done in the thread that waits for it; `under_way` has how many there were at each wait."""

    under_way: list[int] = field(default_factory=list)
    begun: int = 0

    def join(self, key: Hashable, host: str, work: Callable[[], T]) -> tuple["Future[T]", bool]:
        del key, host  # nothing is shared, and no host is bounded
        self.begun += 1
        return _Waited(self, work), False


class _Waited(Future[T]):
    """What the work will give, once it is asked for."""

    def __init__(self, flights: WaitedFlights, work: Callable[[], T]) -> None:
        super().__init__()
        self._flights, self._work = flights, work

    def result(self, timeout: float | None = None) -> T:
        del timeout  # the work is done in this thread
        self._flights.under_way.append(self._flights.begun - len(self._flights.under_way))
        return self._work()
