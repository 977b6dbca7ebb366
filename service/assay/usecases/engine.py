"""The ports behind every door, and what one process remembers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from assay.domain.admission import AdmissionQuestion
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import DecisionKind, PolicyIdentity
from assay.domain.digest import Digest
from assay.domain.evidence_format import EVERY_FORMAT, EvidenceFormat
from assay.domain.gate import Candidate
from assay.domain.kept_verdict import CacheLife
from assay.domain.limit import Limits
from assay.domain.mirror import NO_MIRRORS, MirrorNames
from assay.ports import Clock, DecisionLog, PolicyEngine, Registry, TrustRoots
from assay.ports.metrics import EngineMetrics
from assay.usecases.break_glass import BreakGlass
from assay.usecases.memory import Memory
from assay.usecases.pulling import Pulling, PullingRegistries
from assay.usecases.tag_guard import TagGuard


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The ports behind every door; built once, shared by all requests of a process.

    `formats` are those in which evidence is looked for; `mirrors` say under which name a reference is judged; `pulling`
    knows how Pods may read registries, None where their secrets are not used. `tags` knows which must not move.
    `revision` stands for the code of this release and for the settings that decide how evidence is read.
    """

    registry: Registry
    open_layout: Callable[[str], Registry]
    open_candidate: Callable[[Artefact, Candidate], Registry]
    policy: PolicyEngine
    trust: TrustRoots
    log: DecisionLog
    clock: Clock
    metrics: EngineMetrics
    limits: Limits
    new_id: Callable[[], str]
    memory: Memory
    life: CacheLife
    revision: Digest
    formats: frozenset[EvidenceFormat] = EVERY_FORMAT
    mirrors: MirrorNames = NO_MIRRORS
    pulling: PullingRegistries | None = None
    break_glass: BreakGlass | None = None
    tags: TagGuard | None = None

    def source_for(self, question: AdmissionQuestion, deadline: Deadline) -> "Source":
        """The registries as the question's Pods may read them; raises what fetching their secrets does."""
        if self.pulling is None:
            return Source(registry=self.registry)
        return Source.of(self.pulling.open(question, deadline))

    def known_source(self, question: AdmissionQuestion) -> "Source | None":
        """What `source_for` gives, if that is known without asking anybody."""
        if self.pulling is None:
            return Source(registry=self.registry)
        found = self.pulling.known(question)
        return None if found is None else Source.of(found)

    def for_one_request(self) -> "Engine":
        """This engine with the trust of this moment: a reload in the middle of a request changes nothing in it."""
        return replace(self, trust=self.trust.snapshot())

    def identity(self) -> PolicyIdentity:
        """Policy and trust that decide now."""
        return self.policy.loaded().identity(self.trust.snapshot().digest)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure one step."""
        begun = self.clock.monotonic()
        try:
            yield
        finally:
            self.metrics.observe_step(name, self.clock.monotonic() - begun)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose policy applies; it follows from the caller, never from the request."""

    kind: DecisionKind
    tenant: str
    environment: str

    @property
    def may_recall(self) -> bool:
        """Whether what policy said before may be said again; whoever publishes gets a proof of this moment."""
        return self.kind in {DecisionKind.ADMISSION, DecisionKind.PROVIDER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where evidence is read, and as whom: `reader` names the credentials, empty for those of the installation.

    What one reader has found is never given to another one.
    """

    registry: Registry
    reader: str = ""

    @classmethod
    def of(cls, pulling: Pulling) -> "Source":
        """The registries as Pods read them."""
        return cls(registry=pulling.registry, reader=pulling.credentials.text if pulling.credentials else "")
