"""Flights that land before anybody waits, so that nothing goes on in the background of a test."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from assay.usecases.flight import Flights

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class ImmediateFlights(Flights):
    """Does all work in the thread that asks for it."""

    def join(self, key: Hashable, host: str, work: Callable[[], T]) -> tuple["Future[T]", bool]:  # noqa: ARG002  # as `Flights`
        landed: Future[T] = Future()
        try:
            landed.set_result(work())
        except Exception as error:  # noqa: BLE001  # it is raised again where somebody waits
            landed.set_exception(error)
        return landed, False
