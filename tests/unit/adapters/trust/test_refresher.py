"""The loop that refreshes: when it is a root's turn, and that nothing ends it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from assay.adapters.trust.refresher import run_refresher
from assay.adapters.trust.root_file import read_published
from assay.adapters.trust.source import RootSource, TufSource
from tests.fakes.certificate import NOW
from tests.fakes.clock import MovingClock
from tests.fakes.metrics import CountingMetrics
from tests.fakes.published import publish, tuf_source
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.tuf_repository import FakeTuf

FIRST = FakeSigstore().trusted_root()


@dataclass
class Turns(threading.Event):
    """Stops the loop after some waits; each wait lets its time pass at once and calls the next of `between`."""

    clock: MovingClock
    between: list[Callable[[], object]]
    waited: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waited.append(round(timeout, 3))
        self.clock.pass_time(timeout)
        if not self.between:
            self.set()
            return True
        self.between.pop(0)()
        return False


@dataclass
class Setting:
    repository: FakeTuf
    tuf: TufSource
    clock: MovingClock = field(default_factory=lambda: MovingClock(wall=NOW))
    metrics: CountingMetrics = field(default_factory=CountingMetrics)

    def run(self, *between: Callable[[], object], jitter: float = 0.0) -> list[float]:
        """How long the loop waited after each turn."""
        stop = Turns(clock=self.clock, between=list(between))
        sources = [RootSource(name="own", profile=None, tuf=self.tuf), RootSource(name="shipped", profile=None)]
        run_refresher(sources, clock=self.clock, metrics=self.metrics, stop=stop, jitter=lambda: jitter)
        return stop.waited

    def outcomes(self) -> dict[str, int]:
        assert {root for root, _ in self.metrics.refreshes} <= {"own"}
        return {outcome: number for (_, outcome), number in self.metrics.refreshes.items()}


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    repository = FakeTuf()
    repository.put("trusted_root.json", FIRST)
    (tmp_path / "root.json").write_bytes(repository.bootstrap)
    with repository.serve() as url:
        tuf = tuf_source(tmp_path / "trust", tmp_path / "root.json")
        yield Setting(repository=repository, tuf=replace(tuf, url=url))


def nothing() -> None:
    """Between two turns nothing happens."""


def test_a_root_is_refreshed_at_once_and_then_at_its_interval(setting: Setting) -> None:
    assert setting.run(nothing, nothing) == [3600, 3600, 3600]
    assert setting.outcomes() == {"changed": 1, "confirmed": 2}
    published = read_published(setting.tuf)
    assert published is not None
    assert published.fetched_at == NOW + timedelta(hours=2)


def test_an_interval_is_up_to_a_fifth_shorter(setting: Setting) -> None:
    assert setting.run(jitter=1.0) == [2880]


def test_a_root_that_was_confirmed_lately_waits_for_the_rest_of_its_interval(setting: Setting) -> None:
    publish(setting.tuf, FIRST, NOW - timedelta(minutes=20))
    assert setting.run(nothing) == [2400, 3600]
    publish(setting.tuf, FIRST, setting.clock.now() + timedelta(days=9))
    assert setting.run() == [3600]
    assert setting.outcomes() == {"confirmed": 2}


def test_pauses_grow_with_every_failure_up_to_the_interval(setting: Setting) -> None:
    setting.repository.status = 503
    waited = setting.run(*[nothing] * 9, lambda: setattr(setting.repository, "status", 200))
    assert waited == [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert setting.outcomes() == {"failed": 10, "changed": 1}


def test_what_is_not_believed_is_counted_as_that(setting: Setting) -> None:
    assert setting.run(lambda: setting.repository.expire("timestamp"), nothing) == [3600, 15, 30]
    assert setting.outcomes() == {"changed": 1, "refused": 2}
    assert read_published(setting.tuf) is not None


def test_nothing_ends_the_loop(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr("assay.adapters.trust.refresher.refresh_root", fail)
        assert setting.run(nothing) == [15, 30]
    assert setting.run() == [3600]
    assert setting.outcomes() == {"internal": 2, "changed": 1}


def test_a_damaged_published_root_is_refreshed_at_once(setting: Setting) -> None:
    setting.tuf.folder.mkdir()
    setting.tuf.published.write_bytes(b"{")
    assert setting.run() == [3600]
    assert setting.outcomes() == {"changed": 1}


def test_a_loop_that_was_told_to_stop_fetches_nothing(setting: Setting) -> None:
    stop = threading.Event()
    stop.set()
    source = RootSource(name="own", profile=None, tuf=setting.tuf)
    run_refresher([source], clock=setting.clock, metrics=setting.metrics, stop=stop, jitter=lambda: 0)
    assert setting.repository.seen == []
