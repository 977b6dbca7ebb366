"""Both doors around real adapters, each of which reaches its server through a pipe that can break."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask

from assay.adapters.clock import new_identifier
from assay.adapters.kubernetes.access import ClusterAccess
from assay.adapters.kubernetes.cluster import KubernetesCluster
from assay.adapters.kubernetes.connection import KubernetesConnection
from assay.adapters.kubernetes.replica_sets import ReplicaSetReader
from assay.adapters.kubernetes.secret import SecretReader
from assay.adapters.log.client import SequencerClient
from assay.adapters.log.draft import Drafting
from assay.adapters.opa.engine import OpaEngine
from assay.adapters.opa.generation import Generation
from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.caller import Caller, Role
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.gate import GateAnswer, GateQuestion
from assay.domain.kept_verdict import CacheLife, KeptVerdict
from assay.domain.limit import Limits
from assay.domain.verdict_key import VerdictKey
from assay.http.application import create_service
from assay.http.caller import CallerBook
from assay.http.parts import ServiceParts
from assay.ports import DecisionArchive
from assay.usecases.admit import AdmissionScope, admit
from assay.usecases.break_glass import BreakGlass
from assay.usecases.engine import Engine
from assay.usecases.gate import ask_gate
from assay.usecases.memory import Memory
from assay.usecases.pulling import PullingRegistries
from assay.verification.trust_snapshot import TrustSnapshot
from assay_misuse.policy import RELEASE, TENANT, Policy
from assay_misuse.workload import creation
from assay_webhooks.application import create_application
from tests.fakes.faulty_pipe import Fault, FaultyPipe, Kind
from tests.fakes.grants import RULES, SECURITY, MemoryGrants
from tests.fakes.metrics import CountingMetrics
from tests.fakes.signing import FakeAuthority
from tests.fakes.verdict_store import MemoryStore

ENVIRONMENT = Policy.STANDARD.value
CALLER = Caller(name="local", tenant=TENANT, environments=(ENVIRONMENT,), roles=frozenset(Role))
SHORT_WAIT = 0.05
LEAP = 1000.0


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


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports that are no server: they fail by themselves."""

    trust: FaultyTrust
    clock: FaultyClock
    grants: FaultyGrants
    cache: FaultyStore


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a door answered: whether it allows, the decision it names, and after how long."""

    allowed: bool
    decision: str
    seconds: float
    text: str


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
            ports.grants.failing, ports.cache.failing = kinds.get("grants"), kinds.get("cache")
            yield

    def ask(self, endpoint: str, image: str, faults: Mapping[str, Fault], *, seconds: int) -> Reply:
        """Ask a door about an image while ports fail."""
        held = seconds + 0.5
        grants = FaultyGrants(bundles=[self.grant], held=held)
        ports = Ports(trust=FaultyTrust(held=held), clock=FaultyClock(), grants=grants, cache=FaultyStore(held=held))
        with self._engine(ports) as engine, self.failing(faults, ports):
            begun = time.monotonic()
            reply = _gate(engine, image, seconds) if endpoint == "gate" else _review(engine, endpoint, image, seconds)
            spent = time.monotonic() - begun
        return Reply(allowed=reply[0], decision=reply[1], text=reply[2], seconds=spent)

    @contextmanager
    def _engine(self, ports: Ports) -> Iterator[Engine]:
        host = self.pipes["registry"].host
        registry = RegistryClient(
            access=RegistryAccess(allowed=frozenset({host}), plain_http=frozenset({host})), limits=Limits()
        )
        policy = OpaEngine(self.opa_socket, self.generation)
        log = SequencerClient(self.log_socket, Drafting(service_version="0.1.0"))
        connection = KubernetesConnection(access=replace(self.cluster, address=f"https://{self.pipes['cluster'].host}"))
        unused: Any = None
        secrets = KubernetesCluster(
            namespaces=unused,
            secrets=SecretReader(connection=connection),
            replica_sets=ReplicaSetReader(connection=connection),
        )
        try:
            yield Engine(
                registry=registry,
                open_layout=unused,
                open_candidate=unused,
                policy=policy,
                trust=ports.trust,
                log=log,
                clock=ports.clock,
                metrics=CountingMetrics(),
                limits=Limits(),
                new_id=new_identifier,
                memory=Memory(store=ports.cache),
                life=CacheLife(),
                revision=Digest.of(b"release"),
                pulling=PullingRegistries(
                    cluster=secrets, configured=registry, open_registry=lambda _: registry, clock=ports.clock
                ),
                break_glass=BreakGlass(grants=ports.grants, rules=RULES),
            )
        finally:
            _await_flights()
            for each in (registry, policy, log):
                each.close()


def _await_flights() -> None:
    """Work that others may wait for outlives the request that began it; what failed is whole again by now."""
    for thread in threading.enumerate():
        if thread.name == "flight":
            thread.join(60)


def _review(engine: Engine, hook: str, image: str, seconds: int) -> tuple[bool, str, str]:
    def decide(question: AdmissionQuestion, deadline: Deadline) -> AdmissionAnswer:
        scope = AdmissionScope(tenant=TENANT, environment=ENVIRONMENT, caller="client certificate")
        return admit(engine, question, scope, deadline)

    application = create_application(decide, CountingMetrics(), lambda: (), engine.clock)
    answer = application.test_client().post(f"/{hook}?timeout={seconds}s", json=creation(image))
    if answer.status_code != 200:
        return False, "", answer.text
    response = answer.get_json()["response"]
    return response["allowed"], response["auditAnnotations"].get("decision", ""), answer.text


def _gate(engine: Engine, image: str, seconds: int) -> tuple[bool, str, str]:
    name, _, digest = image.partition("@")
    artefact = {"type": "image", "repository": name, "digest": digest, "tag": ""}
    question = {"artefact": artefact, "environment": ENVIRONMENT, "evidence": {"from": "registry"}}
    answer = (
        _service(engine, seconds)
        .test_client()
        .post("/v1/gate", data=json.dumps(question), content_type="application/json")
    )
    document = answer.get_json()
    allowed = answer.status_code == 200 and document["verdict"] == "allow"
    return allowed, document.get("decision", ""), answer.text


def _service(engine: Engine, seconds: int) -> Flask:
    def gate(question: GateQuestion, caller: Caller, deadline: Deadline) -> GateAnswer:
        return ask_gate(engine, question, caller, deadline)

    unused: Any = None
    return create_service(
        ServiceParts(
            gate=gate,
            archive=unused,
            log_key=str,
            readiness=lambda _: {},
            warnings=lambda: (),
            callers=CallerBook(by_token={}, local=CALLER),
            metrics=engine.metrics,
            metrics_text=bytes,
            clock=engine.clock,
            request_octets=100_000,
            decision_seconds=seconds,
        )
    )
