"""An API server for each test, and what follows it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assay.adapters.kubernetes.list_watch import ListWatch
from assay.adapters.kubernetes.namespaces import NAMESPACES, Labels
from tests.fakes.clock import MovingClock
from tests.fakes.kubernetes_api import ScriptedApi, events, namespace, namespace_list, scripted_api
from tests.fakes.metrics import CountingMetrics
from tests.fixtures.polling import eventually

LIST, WATCH = "/api/v1/namespaces", "/api/v1/namespaces?watch"
MAX_AGE = 60.0


@dataclass
class StrangeClock(MovingClock):
    """A clock that moves by itself between two looks, or breaks."""

    step: float = 0.0
    broken: bool = False

    def monotonic(self) -> float:
        if self.broken:
            raise ZeroDivisionError
        self.seconds += self.step
        return self.seconds


@dataclass(kw_only=True)
class Followed:
    """The namespaces of an API server, watched in a thread or turn by turn, with the clock and the counters."""

    api: ScriptedApi
    clock: StrangeClock = field(default_factory=lambda: StrangeClock(datetime(2026, 11, 21, tzinfo=UTC)))
    metrics: CountingMetrics = field(default_factory=CountingMetrics)
    stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> ListWatch[Labels]:
        return ListWatch(
            self.api.connection, NAMESPACES, clock=self.clock, metrics=self.metrics, max_age_seconds=MAX_AGE
        )

    @contextmanager
    def running(self) -> Iterator[ListWatch[Labels]]:
        watch = self.watch()
        watch.follow(self.stop)
        try:
            yield watch
        finally:
            self.stop.set()

    def until(self, outcome: str, times: int = 1) -> None:
        eventually(lambda: self.metrics.watches["namespaces", outcome] >= times, f"{times} times {outcome}")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ScriptedApi]:
    with scripted_api(tmp_path) as serving:
        yield serving


@pytest.fixture
def followed(api: ScriptedApi) -> Followed:
    api.script(LIST, namespace_list("7", namespace("team-a", "3", tier="gold"), namespace("team-b", "4")))
    api.script(WATCH, events())
    return Followed(api=api)
