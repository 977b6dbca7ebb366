"""Trust that follows its files: what is taken up, what stays, and what time alone ends."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from assay.adapters.trust.live_trust import LiveTrust
from assay.adapters.trust.source import AuthoritySource, KeySource, RemoteKey, RootSource, TrustSources, TufSource
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError
from assay.domain.identity import PublicKey
from assay.formats.public_key import render_public_key
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.certificate import NOW
from tests.fakes.clock import MovingClock
from tests.fakes.key_source import HOUR, FakeKeySource
from tests.fakes.metrics import CountingMetrics
from tests.fakes.published import publish, tuf_source
from tests.fakes.signing import FakeAuthority
from tests.fakes.sigstore import FakeSigstore

WORLD = FakeSigstore()
FIRST = WORLD.trusted_root()
SECOND = WORLD.trusted_root(edit=lambda root: root["timestampAuthorities"].clear())
ONE, TWO = FakeAuthority("one").public_key(), FakeAuthority("two").public_key()


@dataclass
class Setting:
    """Files, the clock, and what reads them; `more` and `kept` are further sources that the configuration names."""

    folder: Path
    clock: MovingClock = field(default_factory=lambda: MovingClock(wall=NOW))
    metrics: CountingMetrics = field(default_factory=CountingMetrics)
    more: list[KeySource] = field(default_factory=list)
    kept: list[RemoteKey] = field(default_factory=list)
    broken: Exception | None = None

    def __post_init__(self) -> None:
        self.write_key(ONE)
        (self.folder / "root.json").write_bytes(b"bootstrap")
        self.configuration.write_bytes(b"1")
        publish(self.tuf, FIRST, NOW)

    @property
    def configuration(self) -> Path:
        return self.folder / "assay.yaml"

    @property
    def tuf(self) -> TufSource:
        return tuf_source(self.folder / "trust", self.folder / "root.json")

    def write_key(self, key: PublicKey, name: str = "release.pub") -> None:
        new = self.folder / "new"
        new.write_bytes(render_public_key(key))
        new.replace(self.folder / name)

    def read(self) -> TrustSources:
        if self.broken is not None:
            raise self.broken
        keys = [KeySource(file=self.folder / "release.pub"), *self.more]
        authorities = [AuthoritySource(name="release", keys=keys, root="own")]
        if self.kept:
            authorities.append(AuthoritySource(name="kept", keys=[], remote_keys=self.kept))
        return TrustSources(
            authorities=authorities,
            roots=[RootSource(name="own", profile=None, tuf=self.tuf)],
        )

    def keep(self, key: PublicKey | None) -> FakeKeySource:
        """Let a key service keep a key that the authority `kept` has alone."""
        source = FakeKeySource(key=key, clock=self.clock)
        self.kept.append(RemoteKey(name="openbao://kept", source=source))
        return source

    def later(self, live: LiveTrust, seconds: float = 1) -> TrustSnapshot:
        """What is trusted after this time and a look."""
        self.clock.pass_time(seconds)
        live.look()
        return live.snapshot()

    def live(self) -> LiveTrust:
        return LiveTrust(self.read, file=self.configuration, clock=self.clock, metrics=self.metrics)


class Told(threading.Event):
    """Ends waits when a test says so, one after the other, and knows when a turn is over."""

    def __init__(self) -> None:
        super().__init__()
        self._turn, self._waits = threading.Semaphore(0), threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout == 1
        self._waits.release()
        assert self._turn.acquire(timeout=60)
        return self.is_set()

    def let_one_turn_pass(self) -> None:
        assert self._waits.acquire(timeout=60)
        self._turn.release()
        assert self._waits.acquire(timeout=60)
        self._waits.release()

    def end(self) -> None:
        self.set()
        self._turn.release()


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(folder=tmp_path)


def keys(live: LiveTrust) -> Sequence[Digest]:
    return [key.key_id for key in live.snapshot().authorities[0].keys]


def test_a_key_file_that_changes_is_taken_up_within_a_second(setting: Setting) -> None:
    live = setting.live()
    before = live.snapshot()
    setting.write_key(TWO)
    assert live.snapshot() is before
    setting.later(live, 1)
    after = live.snapshot()
    assert keys(live) == [TWO.key_id]
    assert after.digest != before.digest
    assert before.authorities[0].keys[0].key_id == ONE.key_id
    assert setting.metrics.reloads == {"reloaded": 1}


def test_without_a_change_nothing_is_read_again(setting: Setting) -> None:
    live = setting.live()
    before = live.snapshot()
    for _ in range(3):
        setting.later(live, 2)
        assert live.snapshot() is before
    assert not setting.metrics.reloads


def test_a_published_root_is_taken_up(setting: Setting) -> None:
    live = setting.live()
    before = live.snapshot().roots["own"].digest
    setting.clock.pass_time(60)
    publish(setting.tuf, SECOND, setting.clock.now(), version=2)
    live.look()
    after = live.snapshot()
    assert after.roots["own"].digest != before
    assert dict(after.origins["own"].versions)["timestamp"] == 2
    assert after.origins["own"].fetched_at == setting.clock.now()


def test_a_configuration_that_names_another_key_is_taken_up(setting: Setting) -> None:
    live = setting.live()
    setting.write_key(TWO, "second.pub")
    setting.more.append(KeySource(file=setting.folder / "second.pub"))
    setting.configuration.write_bytes(b"22")
    setting.later(live, 1)
    assert keys(live) == [ONE.key_id, TWO.key_id]


def test_what_cannot_be_used_leaves_the_last_good_one_and_is_told(setting: Setting) -> None:
    live = setting.live()
    before = live.snapshot()
    (setting.folder / "release.pub").write_bytes(b"no key")
    for _ in range(3):
        setting.later(live, 1)
        assert live.snapshot() is before
    assert "release.pub" in live.refused()
    assert setting.metrics.reloads == {"refused": 1}
    setting.write_key(TWO)
    setting.later(live, 1)
    assert keys(live) == [TWO.key_id]
    assert live.refused() == ""
    assert setting.metrics.reloads == {"refused": 1, "reloaded": 1}


def test_a_damaged_root_never_replaces_the_good_one(setting: Setting) -> None:
    live = setting.live()
    before = live.snapshot()
    setting.tuf.published.write_bytes(b"{}")
    setting.later(live, 1)
    assert live.snapshot() is before
    assert "published.json" in live.refused()


def test_what_was_refused_is_tried_again_although_nothing_known_has_changed(setting: Setting) -> None:
    live = setting.live()
    setting.more.append(KeySource(file=setting.folder / "second.pub"))
    setting.configuration.write_bytes(b"22")
    setting.later(live, 1)
    assert keys(live) == [ONE.key_id]
    setting.write_key(TWO, "second.pub")
    setting.later(live, 30)
    assert keys(live) == [ONE.key_id, TWO.key_id]


def test_a_change_that_is_taken_back_is_no_longer_refused(setting: Setting) -> None:
    live = setting.live()
    gone = setting.folder / "elsewhere"
    (setting.folder / "release.pub").rename(gone)
    setting.later(live, 1)
    live.snapshot()
    assert live.refused()
    gone.rename(setting.folder / "release.pub")
    setting.later(live, 1)
    live.snapshot()
    assert live.refused() == ""


def test_a_root_that_is_too_old_counts_no_longer_and_does_again_after_a_refresh(setting: Setting) -> None:
    live = setting.live()
    setting.later(live, timedelta(days=1).total_seconds())
    assert list(live.snapshot().roots) == ["own"]
    setting.later(live, 1)
    expired = live.snapshot()
    assert (dict(expired.roots), list(expired.unavailable)) == ({}, ["own"])
    assert expired.waiting() == {"release"}
    setting.later(live, 5)
    assert live.snapshot() is live.snapshot()
    publish(setting.tuf, FIRST, setting.clock.now(), version=2)
    setting.later(live, 1)
    assert list(live.snapshot().roots) == ["own"]


def test_a_root_that_grows_too_old_between_two_looks_counts_no_longer(setting: Setting) -> None:
    live = setting.live()
    setting.clock.wall += timedelta(days=2)
    assert dict(live.snapshot().roots) == {}


def test_a_root_of_the_future_does_not_count(setting: Setting) -> None:
    publish(setting.tuf, FIRST, NOW + timedelta(minutes=6))
    assert "clock" in setting.live().snapshot().unavailable["own"]
    publish(setting.tuf, FIRST, NOW + timedelta(minutes=4))
    assert not setting.live().snapshot().unavailable


def test_a_refresh_that_is_overdue_is_told(setting: Setting) -> None:
    live = setting.live()
    setting.later(live, 2 * 3600)
    assert live.late() == []
    setting.later(live, 1)
    assert live.late() == ["own"]


def test_a_root_that_was_never_fetched_is_late_and_not_available(setting: Setting) -> None:
    setting.tuf.published.unlink()
    live = setting.live()
    assert live.late() == ["own"]
    assert "nothing was fetched" in live.snapshot().unavailable["own"]


def test_a_start_without_usable_files_is_refused(setting: Setting) -> None:
    setting.broken = ConfigError("configuration_invalid", "it is broken", remedy="mend it")
    with pytest.raises(ConfigError):
        setting.live()


def test_many_requests_meet_a_reload_and_each_gets_one_whole_snapshot(setting: Setting) -> None:
    live = setting.live()
    known = {live.snapshot().digest: ONE.key_id}
    stop = threading.Event()

    def take() -> set[tuple[Digest, Digest]]:
        taken = set()
        while not stop.is_set():
            snapshot = live.snapshot()
            taken.add((snapshot.digest, snapshot.authorities[0].keys[0].key_id))
        return taken

    with ThreadPoolExecutor(4) as pool:
        takers = [pool.submit(take) for _ in range(4)]
        for key in (TWO, ONE, TWO):
            setting.write_key(key)
            known[setting.later(live).digest] = key.key_id
        stop.set()
    assert set().union(*(taker.result() for taker in takers)) <= set(known.items())
    assert setting.metrics.reloads == {"reloaded": 3}


def test_a_thread_follows_the_files_until_it_is_told_to_stop(setting: Setting) -> None:
    live, stop = setting.live(), Told()
    assert live.stalled() == ""
    setting.write_key(TWO)
    live.follow(stop)
    assert keys(live) == [TWO.key_id]
    setting.write_key(ONE)
    stop.let_one_turn_pass()
    assert keys(live) == [ONE.key_id]
    stop.end()


def test_a_look_that_fails_is_counted_and_ends_nothing(setting: Setting) -> None:
    live, stop = setting.live(), Told()
    live.follow(stop)
    setting.write_key(TWO)
    setting.broken = ZeroDivisionError()
    stop.let_one_turn_pass()
    setting.broken = None
    setting.clock.pass_time(30)
    stop.let_one_turn_pass()
    stop.end()
    assert keys(live) == [TWO.key_id]
    assert setting.metrics.reloads == {"internal": 1, "reloaded": 1}


def test_files_that_nobody_looks_at_are_told(setting: Setting) -> None:
    live = setting.live()
    live.look()
    setting.clock.pass_time(30)
    assert live.stalled() == ""
    setting.clock.pass_time(1)
    assert live.stalled()
    live.look()
    assert live.stalled() == ""


def test_a_process_that_begins_with_broken_files_never_goes_back_to_an_older_trust(setting: Setting) -> None:
    live, stop = setting.live(), Told()
    good = setting.folder / "good"
    (setting.folder / "release.pub").rename(good)
    live.follow(stop)
    assert (live.snapshot().authorities, live.late()) == ((), ["own"])
    assert "release.pub" in live.refused()
    good.rename(setting.folder / "release.pub")
    stop.let_one_turn_pass()
    stop.end()
    assert keys(live) == [ONE.key_id]
    assert live.refused() == ""


def test_a_key_that_its_service_replaces_is_a_reload(setting: Setting) -> None:
    source = setting.keep(ONE)
    live = setting.live()
    before = setting.later(live)
    source.key = TWO
    after = setting.later(live)
    assert [trust.authorities[1].keys for trust in (before, after)] == [(ONE,), (TWO,)]
    assert before.digest != after.digest
    assert setting.metrics.reloads == {"reloaded": 1}


def test_a_key_that_is_confirmed_again_is_no_reload(setting: Setting) -> None:
    setting.keep(ONE)
    live = setting.live()
    assert {setting.later(live, 3000).digest for _ in range(3)} == {live.snapshot().digest}
    assert live.snapshot().authorities[1].keys == (ONE,)
    assert not setting.metrics.reloads


def test_a_request_never_asks_a_key_service(setting: Setting) -> None:
    source = setting.keep(ONE)
    live = setting.live()
    asked = (source.refreshed, source.waited)
    for _ in range(3):
        live.snapshot()
    assert (source.refreshed, source.waited) == asked == (1, 1)


def test_a_silent_service_ends_its_own_keys_alone_and_later_not_at_all(setting: Setting) -> None:
    source = setting.keep(ONE)
    live = setting.live()
    source.key = None
    setting.later(live, HOUR.total_seconds())
    assert live.snapshot().lacking() == frozenset()
    setting.clock.pass_time(1)
    assert (set(live.snapshot().lacking()), live.snapshot().outage()) == ({"kept"}, "")
    live.look()
    assert keys(live) == [ONE.key_id]
    assert live.snapshot().authorities[1].keys == ()
    source.key = ONE
    assert setting.later(live).authorities[1].keys == (ONE,)


def test_an_authority_whose_only_key_was_never_fetched_starts_without_it(setting: Setting) -> None:
    source = setting.keep(None)
    live = setting.live()
    assert live.snapshot().lacking() == {"kept"}
    assert live.refused() == ""
    source.key = TWO
    assert setting.later(live).lacking() == frozenset()


def test_a_look_waits_for_no_key_service_and_a_reload_for_all_of_them_once(setting: Setting) -> None:
    sources = [setting.keep(None), setting.keep(ONE)]
    live = setting.live()
    for _ in range(5):
        setting.later(live)
    assert [source.waited for source in sources] == [1, 1]
    setting.write_key(TWO)
    setting.later(live)
    assert keys(live) == [TWO.key_id]
    assert [source.waited for source in sources] == [2, 2]


def test_a_process_that_begins_asks_for_keys_that_may_be_old(setting: Setting) -> None:
    source = setting.keep(ONE)
    live, stop = setting.live(), Told()
    source.key = TWO
    live.follow(stop)
    stop.end()
    assert live.snapshot().authorities[1].keys == (TWO,)


def test_a_process_begins_although_a_key_cannot_be_asked_for(setting: Setting) -> None:
    source = setting.keep(None)
    live, stop = setting.live(), Told()
    source.unusable = ConfigError("kms_extra_missing", "it is not installed", remedy="install it")
    live.follow(stop)
    stop.end()
    assert live.snapshot().lacking() == {"kept"}
