"""Ports that are no server, and fail by themselves."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.kept_verdict import KeptVerdict
from assay.domain.reference import Repository
from assay.domain.verdict_key import VerdictKey
from assay.verification.trust_snapshot import TrustSnapshot
from assay_misuse.policy import RELEASE
from tests.fakes.faulty_pipe import Kind
from tests.fakes.grants import SECURITY, MemoryGrants
from tests.fakes.signing import FakeAuthority
from tests.fakes.tag_book import MemoryTagBook
from tests.fakes.verdict_store import MemoryStore

SHORT_WAIT = 0.05
LEAP = 1000.0
LONGEST_STANDSTILL = 120.0


@dataclass(frozen=True)
class Standstill:
    """What hangs waits until this is over: longer than any answer is awaited, so that nobody waits for it unnoticed."""

    _over: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Hang."""
        self._over.wait(LONGEST_STANDSTILL)

    @contextmanager
    def lasting(self, seconds: float | None) -> Iterator[None]:
        """Whoever hangs does so until the end of the block, or for so many seconds where it would never come else."""
        timer = None if seconds is None else threading.Timer(seconds, self._over.set)
        if timer is not None:
            timer.start()
        try:
            yield
        finally:
            self._over.set()
            if timer is not None:
                timer.cancel()
                timer.join()


def strike(kind: Kind | None, standstill: Standstill, error: Exception) -> None:
    """Fail in the ways that are alike in every port; what an answer would be it has to know itself."""
    match kind:
        case Kind.ERROR:
            raise error
        case Kind.HANG:
            standstill.wait()
        case Kind.SLOW:
            time.sleep(SHORT_WAIT)


@dataclass
class FaultyTrust:
    """Trust in the release key, which fails as told; it hangs as long as the `standstill` lasts."""

    fault: Kind | None = None
    standstill: Standstill = field(default_factory=Standstill)

    def snapshot(self) -> TrustSnapshot:
        trusted = TrustSnapshot.of([FakeAuthority(RELEASE).authority, SECURITY.authority], {})
        strike(self.fault, self.standstill, RuntimeError("the trust is broken"))
        match self.fault:
            case Kind.GARBAGE:
                return None  # type: ignore[return-value]  # what a broken source may do
            case Kind.PARTIAL:
                return TrustSnapshot.of([FakeAuthority("another").authority], {})
        return trusted


@dataclass
class FaultyClock:
    """The machine's clocks, which fail as told: a hang stands still, slow requests see it leap."""

    fault: Kind | None = None
    leapt: float = 0.0
    stands_at: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        if self.fault in {Kind.ERROR, Kind.PARTIAL}:
            raise OSError("there is no calendar")
        if self.fault is Kind.GARBAGE:
            return None  # type: ignore[return-value]  # what a broken clock may do
        return datetime.now(UTC)

    def monotonic(self) -> float:
        match self.fault:
            case Kind.ERROR:
                raise OSError("there is no clock")
            case Kind.GARBAGE:
                return float("nan")
            case Kind.HANG:
                return self.stands_at
            case Kind.SLOW:
                self.leapt += LEAP
        return time.monotonic() + self.leapt


@dataclass
class FaultyGrants(MemoryGrants):
    """One grant, which fails as told; it hangs as long as the `standstill` lasts."""

    failing: Kind | None = None
    standstill: Standstill = field(default_factory=Standstill)

    def list_bundles(self) -> Sequence[bytes]:
        strike(self.failing, self.standstill, RuntimeError("the grants are broken"))
        match self.failing:
            case Kind.GARBAGE:
                return [b"junk"]
            case Kind.PARTIAL:
                return [bundle[: len(bundle) // 2] for bundle in self.bundles]
        return self.bundles


@dataclass
class FaultyStore(MemoryStore):
    """Kept verdicts, which fail as told; it hangs as long as the `standstill` lasts."""

    failing: Kind | None = None
    standstill: Standstill = field(default_factory=Standstill)

    def find(self, key: VerdictKey) -> KeptVerdict | None:
        error = Unavailable("cache_unavailable", "it cannot be read", remedy="repeat the call")
        strike(self.failing, self.standstill, error)
        match self.failing:
            case Kind.GARBAGE:
                return object()  # type: ignore[return-value]  # what a broken store may do
            case Kind.PARTIAL:
                return None
        return super().find(key)


@dataclass
class FaultyBook(MemoryTagBook):
    """What tags stood for, which fails as told; it hangs as long as the `standstill` lasts."""

    failing: Kind | None = None
    standstill: Standstill = field(default_factory=Standstill)

    def accepted(self, repository: Repository, tag: str) -> frozenset[Digest]:
        error = Unavailable("tags_unavailable", "it cannot be read", remedy="repeat the call")
        strike(self.failing, self.standstill, error)
        match self.failing:
            case Kind.GARBAGE:
                return object()  # type: ignore[return-value]  # what a broken book may do
            case Kind.PARTIAL:
                return frozenset({Digest.of(b"what the tag stood for, without what was accepted later")})
        return super().accepted(repository, tag)


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports that are no server: they fail by themselves."""

    trust: FaultyTrust
    clock: FaultyClock
    grants: FaultyGrants
    cache: FaultyStore
    tags: FaultyBook
