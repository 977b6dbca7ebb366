"""Both doors around real adapters, each of which reaches its server through a pipe that can break."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.adapters.clock import new_identifier
from assay.adapters.kubernetes.access import ClusterAccess
from assay.adapters.kubernetes.cluster import KubernetesCluster
from assay.adapters.kubernetes.connection import KubernetesConnection
from assay.adapters.log.client import SequencerClient
from assay.adapters.log.draft import Drafting
from assay.adapters.log.pipeline import RecordPipeline
from assay.adapters.opa.engine import OpaEngine
from assay.adapters.opa.generation import Generation
from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.incident import TagSighting, Witness
from assay.domain.kept_verdict import CacheLife, KeptVerdict
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.domain.verdict_key import VerdictKey
from assay.ports import DecisionArchive
from assay.usecases.break_glass import BreakGlass
from assay.usecases.engine import Engine
from assay.usecases.memory import Memory
from assay.usecases.pulling import PullingRegistries
from assay.usecases.tag_guard import TagGuard
from assay.verification.tag_rule import TagRule
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_snapshot import TrustSnapshot
from assay_misuse.policy import RELEASE
from tests.fakes.fault_door import LOOP, Reply, ask_the_gate, review, review_in_loop
from tests.fakes.faulty_pipe import Fault, FaultyPipe, Kind
from tests.fakes.grants import RULES, SECURITY, MemoryGrants
from tests.fakes.metrics import CountingMetrics
from tests.fakes.pipeline_loop import PipelineLoop
from tests.fakes.signing import FakeAuthority
from tests.fakes.tag_book import MemoryTagBook
from tests.fakes.verdict_store import MemoryStore

DRAFTING = Drafting(service_version="0.1.0")
WELL_SECONDS = 30
SHORT_WAIT = 0.05
LEAP = 1000.0
EVERY_TAG = TagRule(repository=TextPattern(glob="**"), tags=(TextPattern(glob="*"),))


@dataclass
class FaultyTrust:
    """Trust in the release key, which fails as told; a hang lasts `held` seconds."""

    fault: Kind | None = None
    held: float = 0.0

    def snapshot(self) -> TrustSnapshot:
        trusted = TrustSnapshot.of([FakeAuthority(RELEASE).authority, SECURITY.authority], {})
        match self.fault:
            case Kind.ERROR:
                raise RuntimeError("the trust is broken")
            case Kind.HANG:
                time.sleep(self.held)
            case Kind.GARBAGE:
                return None  # type: ignore[return-value]  # what a broken source may do
            case Kind.PARTIAL:
                return TrustSnapshot.of([FakeAuthority("another").authority], {})
            case Kind.SLOW:
                time.sleep(SHORT_WAIT)
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
    """One grant, which fails as told; a hang lasts `held` seconds."""

    failing: Kind | None = None
    held: float = 0.0

    def list_bundles(self) -> Sequence[bytes]:
        match self.failing:
            case Kind.ERROR:
                raise RuntimeError("the grants are broken")
            case Kind.HANG:
                time.sleep(self.held)
            case Kind.GARBAGE:
                return [b"junk"]
            case Kind.PARTIAL:
                return [bundle[: len(bundle) // 2] for bundle in self.bundles]
            case Kind.SLOW:
                time.sleep(SHORT_WAIT)
        return self.bundles


@dataclass
class FaultyStore(MemoryStore):
    """Kept verdicts, which fail as told; a hang lasts `held` seconds."""

    failing: Kind | None = None
    held: float = 0.0

    def find(self, key: VerdictKey) -> KeptVerdict | None:
        match self.failing:
            case Kind.ERROR:
                raise Unavailable("cache_unavailable", "it cannot be read", remedy="repeat the call")
            case Kind.HANG:
                time.sleep(self.held)
            case Kind.GARBAGE:
                return object()  # type: ignore[return-value]  # what a broken store may do
            case Kind.PARTIAL:
                return None
            case Kind.SLOW:
                time.sleep(SHORT_WAIT)
        return super().find(key)


@dataclass
class FaultyBook(MemoryTagBook):
    """What tags stood for, which fails as told; a hang lasts `held` seconds."""

    failing: Kind | None = None
    held: float = 0.0

    def accepted(self, repository: Repository, tag: str) -> frozenset[Digest]:
        match self.failing:
            case Kind.ERROR:
                raise Unavailable("tags_unavailable", "it cannot be read", remedy="repeat the call")
            case Kind.HANG:
                time.sleep(self.held)
            case Kind.GARBAGE:
                return object()  # type: ignore[return-value]  # what a broken book may do
            case Kind.PARTIAL:
                return frozenset({Digest.of(b"what the tag stood for, without what was accepted later")})
            case Kind.SLOW:
                time.sleep(SHORT_WAIT)
        return super().accepted(repository, tag)


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports that are no server: they fail by themselves."""

    trust: FaultyTrust
    clock: FaultyClock
    grants: FaultyGrants
    cache: FaultyStore
    tags: FaultyBook


@dataclass(frozen=True, kw_only=True)
class FaultStage:
    """The servers, reached through pipes; every question gets clients of its own."""

    pipes: Mapping[str, FaultyPipe]
    generation: Generation
    archive: DecisionArchive
    cluster: ClusterAccess
    grant: bytes
    opa_socket: Path
    log_socket: Path

    @contextmanager
    def failing(self, faults: Mapping[str, Fault], ports: Ports) -> Iterator[None]:
        """These ports fail in the block."""
        kinds = {port: fault.kind for port, fault in faults.items()}
        with ExitStack() as broken:
            for port in faults.keys() & self.pipes.keys():
                broken.enter_context(self.pipes[port].failing(faults[port]))
            ports.trust.fault, ports.clock.fault = kinds.get("trust"), kinds.get("clock")
            ports.clock.stands_at = time.monotonic()
            ports.grants.failing, ports.cache.failing = kinds.get("grants"), kinds.get("cache")
            ports.tags.failing = kinds.get("tags")
            yield

    def ask(self, endpoint: str, image: str, faults: Mapping[str, Fault], *, seconds: int) -> Reply:
        """Ask a door about an image while ports fail; what is asked in a loop was asked twice, while all was well."""
        held = seconds + 0.5
        grants = FaultyGrants(bundles=[self.grant], held=held)
        ports = Ports(
            trust=FaultyTrust(held=held),
            clock=FaultyClock(),
            grants=grants,
            cache=FaultyStore(held=held),
            tags=FaultyBook(held=held),
        )
        _note_tag(ports.tags, image)
        with self._engine(ports) as engine:
            if endpoint == LOOP:
                for _ in range(2):  # what a tag stands for is known from the first time on, and the answer kept then
                    review(engine, "validate", image, WELL_SECONDS)
                assert isinstance(engine.log, SequencerClient)
                engine.log.close()  # a connection of that time would not fail
            with self.failing(faults, ports):
                begun = time.monotonic()
                answered = self._ask(engine, endpoint, image, seconds)
                return replace(answered, seconds=time.monotonic() - begun)

    def _ask(self, engine: Engine, endpoint: str, image: str, seconds: int) -> Reply:
        match endpoint:
            case "gate":
                return ask_the_gate(engine, image, seconds)
            case _ if endpoint == LOOP:
                pipeline = RecordPipeline(self.log_socket, DRAFTING, engine.clock.monotonic)
                with PipelineLoop.around(pipeline) as loop:
                    return review_in_loop(engine, pipeline, loop, image, seconds)
            case _:
                return review(engine, endpoint, image, seconds)

    @contextmanager
    def _engine(self, ports: Ports) -> Iterator[Engine]:
        host = self.pipes["registry"].host
        registry = RegistryClient(
            access=RegistryAccess(allowed=frozenset({host}), plain_http=frozenset({host})), limits=Limits()
        )
        policy = OpaEngine(self.opa_socket, self.generation)
        log = SequencerClient(self.log_socket, DRAFTING)
        connection = KubernetesConnection(access=replace(self.cluster, address=f"https://{self.pipes['cluster'].host}"))
        unused: Any = None
        metrics = CountingMetrics()
        secrets = KubernetesCluster(connection, clock=ports.clock, metrics=metrics, max_age_seconds=60)
        try:
            yield Engine(
                registry=registry,
                open_layout=unused,
                open_candidate=unused,
                policy=policy,
                trust=ports.trust,
                log=log,
                clock=ports.clock,
                metrics=metrics,
                limits=Limits(),
                new_id=new_identifier,
                memory=Memory(store=ports.cache),
                life=CacheLife(),
                revision=Digest.of(b"release"),
                pulling=PullingRegistries(
                    cluster=secrets, configured=registry, open_registry=lambda _: registry, clock=ports.clock
                ),
                break_glass=BreakGlass(grants=ports.grants, rules=RULES),
                tags=TagGuard(rules=(EVERY_TAG,), book=ports.tags),
            )
        finally:
            _await_flights()
            for each in (registry, policy, log):
                each.close()


def _note_tag(book: FaultyBook, image: str) -> None:
    """A tag stands for the digest beside it since it was first seen."""
    reference = Reference.parse(image)
    if reference.tag and reference.digest:
        repository, tag, digest = reference.repository, reference.tag, reference.digest
        at = datetime.now(UTC)
        book.see(TagSighting(repository=repository, tag=tag, digest=digest, witness=Witness.ADMISSION, at=at))


def _await_flights() -> None:
    """Work that others may wait for outlives the request that began it; what failed is whole again by now."""
    for thread in threading.enumerate():
        if thread.name == "flight":
            thread.join(60)
