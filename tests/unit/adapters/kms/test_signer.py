"""One signer is one version of a key; a trusted key is fresh, or at most an hour old, or none."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from assay.adapters.kms.key import ServiceKey
from assay.adapters.kms.signer import CachedKeySource, KmsSigner, in_background
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, Unavailable
from assay.domain.identity import ConfirmedKey, PublicKey
from assay.domain.signature_algorithm import SignatureAlgorithm
from tests.fakes.certificate import NOW
from tests.fakes.clock import FrozenClock, MovingClock
from tests.fakes.service import typed
from tests.fakes.signing import FakeAuthority

FIRST, SECOND = FakeAuthority("first"), FakeAuthority("second")


@dataclass
class Rotating:
    """A service whose key is replaced; `down` makes it fail."""

    current: FakeAuthority = FIRST
    down: bool = False
    asked: int = 0
    versions: list[str] = field(default_factory=list)

    def fetch_key(self, deadline: Deadline) -> ServiceKey:
        algorithm = SignatureAlgorithm.ECDSA_P256_SHA256
        return ServiceKey(public_key=self.fetch(deadline), algorithm=algorithm, version=self.current.name)

    def fetch(self, deadline: Deadline) -> PublicKey:
        assert deadline.remaining("the test") == 15
        self.asked += 1
        if self.down:
            raise typed(Unavailable, "kms_denied")
        return self.current.public_key()

    def sign(self, key: ServiceKey, message: bytes, deadline: Deadline) -> bytes:
        assert deadline.remaining("the test") == 15
        self.versions.append(key.version)
        return message


@dataclass
class Done:
    """Work that is over, or that hangs until a test says otherwise."""

    alive: bool = False
    joined: list[float] = field(default_factory=list)

    def is_alive(self) -> bool:
        return self.alive

    def join(self, timeout: float) -> None:
        self.joined.append(timeout)


def at_once(work: Callable[[], None]) -> Done:
    work()
    return Done()


def ready(service: Rotating, clock: MovingClock) -> CachedKeySource:
    """A source that was asked and waited for."""
    source = CachedKeySource(service.fetch, clock=clock, start=at_once)
    source.refresh()
    source.wait()
    return source


def later(source: CachedKeySource, clock: MovingClock, seconds: float) -> PublicKey:
    clock.pass_time(seconds)
    source.refresh()
    return source.public_key().key


def refusal(source: CachedKeySource) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        source.public_key()
    assert caught.value.code == "key_unavailable"
    return caught.value


def test_a_rotation_does_not_change_a_signer_under_way() -> None:
    service = Rotating()
    signer = KmsSigner(service, clock=FrozenClock().monotonic)
    assert signer.public_key() == FIRST.public_key()
    service.current = SECOND
    assert (signer.sign(b"m"), signer.public_key()) == (b"m", FIRST.public_key())
    assert (service.versions, service.asked) == (["first"], 1)


def test_a_fresh_key_is_not_fetched_again_and_an_old_one_is() -> None:
    service, clock = Rotating(), MovingClock(wall=NOW)
    source = ready(service, clock)
    assert source.public_key() == ConfirmedKey(key=FIRST.public_key(), trusted_until=NOW + timedelta(hours=1))
    service.current = SECOND
    assert (later(source, clock, 299), service.asked) == (FIRST.public_key(), 1)
    assert (later(source, clock, 1), service.asked) == (SECOND.public_key(), 2)


def test_the_last_good_key_stands_in_for_an_hour_and_no_longer() -> None:
    service, clock = Rotating(), MovingClock(wall=NOW)
    source = ready(service, clock)
    service.down = True
    assert later(source, clock, 3600) == FIRST.public_key()
    clock.pass_time(1)
    assert "for an hour" in refusal(source).message
    service.down = False
    assert later(source, clock, 30) == FIRST.public_key()


def test_a_service_that_fails_is_asked_again_after_half_a_minute() -> None:
    service, clock = Rotating(down=True), MovingClock(wall=NOW)
    source = ready(service, clock)
    assert "never fetched" in refusal(source).message
    service.down = False
    clock.pass_time(29)
    source.refresh()
    refusal(source)
    assert service.asked == 1
    assert later(source, clock, 1) == FIRST.public_key()


def test_nobody_is_asked_before_the_first_refresh() -> None:
    service = Rotating()
    source = CachedKeySource(service.fetch, clock=MovingClock(wall=NOW), start=at_once)
    source.wait()
    assert "no answer has come yet" in refusal(source).message
    assert service.asked == 0


def test_what_this_installation_cannot_ask_for_is_told_to_who_waits() -> None:
    def fetch(deadline: Deadline) -> PublicKey:
        deadline.remaining("the test")
        raise typed(ConfigError, "kms_extra_missing")

    source = CachedKeySource(fetch, clock=MovingClock(wall=NOW), start=at_once)
    source.refresh()
    with pytest.raises(ConfigError) as caught:
        source.wait()
    assert caught.value.code == "kms_extra_missing"
    refusal(source)


def test_one_call_runs_at_a_time_and_is_waited_for_no_longer_than_a_call_may_take() -> None:
    clock, works = MovingClock(wall=NOW), list[Done]()

    def hang(_: Callable[[], None]) -> Done:
        works.append(Done(alive=True))
        return works[-1]

    source = CachedKeySource(Rotating().fetch, clock=clock, start=hang)
    for _ in range(3):
        source.refresh()
        source.wait()
        clock.pass_time(10)
    assert [work.joined for work in works] == [[15.0, 5.0]]
    clock.pass_time(30)
    works[0].alive = False
    source.refresh()
    assert len(works) == 2


def test_the_background_is_another_thread() -> None:
    names: list[str] = []
    work = in_background(lambda: names.append(threading.current_thread().name))
    work.join(60)
    assert (names, work.is_alive()) == (["kms-refresh"], False)
