"""Every door around real adapters, each of which reaches its server through a pipe that can break."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
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
from assay.adapters.supervision.answering import AnsweringThreads
from assay.domain.digest import Digest
from assay.domain.incident import TagSighting, Witness
from assay.domain.kept_verdict import CacheLife
from assay.domain.limit import Limits
from assay.domain.reference import Reference
from assay.ports import DecisionArchive
from assay.usecases.break_glass import BreakGlass
from assay.usecases.engine import Engine
from assay.usecases.memory import Memory
from assay.usecases.pulling import PullingRegistries
from assay.usecases.tag_guard import TagGuard
from assay.verification.tag_rule import TagRule
from assay.verification.text_pattern import TextPattern
from tests.fakes.fault_door import LOOP, PLAIN, Reply, admission_server, review
from tests.fakes.faulty_pipe import Fault, FaultyPipe
from tests.fakes.faulty_port import FaultyBook, FaultyClock, FaultyGrants, FaultyStore, FaultyTrust, Ports, Standstill
from tests.fakes.grants import RULES
from tests.fakes.loop_server import LoopServer
from tests.fakes.metrics import CountingMetrics

DRAFTING = Drafting(service_version="0.1.0")
WELL_SECONDS = 30
EVERY_TAG = TagRule(repository=TextPattern(glob="**"), tags=(TextPattern(glob="*"),))


@dataclass(frozen=True, kw_only=True)
class FaultStage:
    """The servers, reached through pipes; every question gets clients of its own, and one of the `threads`."""

    pipes: Mapping[str, FaultyPipe]
    generation: Generation
    archive: DecisionArchive
    cluster: ClusterAccess
    grant: bytes
    opa_socket: Path
    log_socket: Path
    threads: AnsweringThreads

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

    def ask(
        self,
        endpoint: str,
        image: str,
        faults: Mapping[str, Fault],
        *,
        seconds: int,
        standstill_seconds: float | None = None,
    ) -> Reply:
        """Ask a door about an image while ports fail; what is asked in a loop was asked twice, while all was well.

        What hangs does so until the answer has come, unless it is told when it ends.
        """
        standstill = Standstill()
        ports = Ports(
            trust=FaultyTrust(standstill=standstill),
            clock=FaultyClock(),
            grants=FaultyGrants(bundles=[self.grant], standstill=standstill),
            cache=FaultyStore(standstill=standstill),
            tags=FaultyBook(standstill=standstill),
        )
        _note_tag(ports.tags, image)
        with self._engine(ports) as engine:
            if endpoint == LOOP:
                self._rehearse(engine, image)
            with (
                self._door(engine, endpoint) as ask,
                self.failing(faults, ports),
                standstill.lasting(standstill_seconds),
            ):
                begun = time.monotonic()
                answered = ask(image, seconds)
                return replace(answered, seconds=time.monotonic() - begun)

    def _rehearse(self, engine: Engine, image: str) -> None:
        with self._server(engine) as server:
            for _ in range(2):  # what a tag stands for is known from the first time on, and the answer kept then
                review(server, "validate", image, WELL_SECONDS)
        assert isinstance(engine.log, SequencerClient)
        engine.log.close()  # a connection of that time would not fail

    @contextmanager
    def _door(self, engine: Engine, endpoint: str) -> Iterator[Callable[[str, int], Reply]]:
        if endpoint in PLAIN:
            yield partial(PLAIN[endpoint], engine)
        else:
            with self._server(engine) as server:
                yield partial(review, server, "validate" if endpoint == LOOP else endpoint)

    @contextmanager
    def _server(self, engine: Engine) -> Iterator[LoopServer]:
        pipeline = RecordPipeline(self.log_socket, DRAFTING, engine.clock.monotonic)
        with admission_server(engine, pipeline, self.threads) as server:
            yield server

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
