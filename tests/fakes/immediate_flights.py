"""Flights that have landed before anybody looks, so that nothing goes on in the background of a test."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TypeVar

from assay.usecases.flight import Flights

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class ImmediateFlights(Flights):
    """Whoever asks for work waits until it is done."""

    def join(self, key: Hashable, host: str, work: Callable[[], T]) -> tuple["Future[T]", bool]:
        landing, joined = Flights.join(self, key, host, work)
        wait([landing])
        return landing, joined
