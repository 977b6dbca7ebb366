"""One artefact through the first four steps: resolve, collect, verify, decide its evidence."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from assay.domain.admission import AdmissionQuestion
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import (
    DecisionKind,
    Finding,
    PolicyIdentity,
    Severity,
    Stage,
    StageVerdict,
    Status,
    Verdict,
)
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.evidence import Gap, Rejection
from assay.domain.evidence_format import EVERY_FORMAT, EvidenceFormat
from assay.domain.gate import Candidate
from assay.domain.limit import Limits
from assay.domain.mirror import NO_MIRRORS, MirrorNames
from assay.domain.reference import Reference, Repository
from assay.ports import Clock, DecisionLog, Metrics, PolicyEngine, Registry, TrustRoots
from assay.usecases.break_glass import BreakGlass
from assay.usecases.decide import decide_stage
from assay.usecases.document import EvidenceFacts, evidence_document
from assay.usecases.evidence_tree import Proven, grow_tree
from assay.usecases.pulling import PullingRegistries
from assay.usecases.resolve import Resolved, resolve
from assay.usecases.standing import Named, find_unjudged
from assay.verification.trust_snapshot import TrustSnapshot

JUDGE_SHARE = 0.8
"""Share of a call's time for judging its artefacts; the rest is for the request stage and the log."""
_PARALLEL = 4
_BADNESS = {Verdict.ALLOW: 0, Verdict.INDETERMINATE: 1, Verdict.DENY: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The ports behind every door; built once, shared by all requests of a process.

    `forget` makes `registry` ask again for what lies beside a digest, instead of remembering it; `formats` are
    those in which evidence is looked for; `mirrors` say under which name a reference is judged. `credentials`
    tells apart what `registry` is asked with, for everything that is remembered of its answers; None are the
    configured ones.
    """

    registry: Registry
    open_layout: Callable[[str], Registry]
    open_candidate: Callable[[Artefact, Candidate], Registry]
    policy: PolicyEngine
    trust: TrustRoots
    log: DecisionLog
    clock: Clock
    metrics: Metrics
    limits: Limits
    new_id: Callable[[], str]
    formats: frozenset[EvidenceFormat] = EVERY_FORMAT
    mirrors: MirrorNames = NO_MIRRORS
    forget: Callable[[Repository, Digest], None] = lambda _, __: None
    pulling: PullingRegistries | None = None
    credentials: Digest | None = None
    break_glass: BreakGlass | None = None

    def pulling_for(self, question: AdmissionQuestion, deadline: Deadline) -> "Engine":
        """This engine with the registry as the question's Pods may read it; raises what fetching their secrets does."""
        if self.pulling is None:
            return self
        found = self.pulling.open(question, deadline)
        return replace(self, registry=found.registry, credentials=found.credentials)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict on one artefact's evidence, with everything that explains it.

    `artefact` is None when the reference could not be resolved to a digest; `documents` are those that were put before
    the policy, one for each platform of an index, none when it was not asked. `evidence` are the digests of the
    verified items that count; what was rejected anybody can pile up, so it is not listed here. `runs_already` is an
    artefact whose evidence was not judged, because the same image runs already. Any other `ALLOW` without artefact and
    document cannot be built (`ValueError`).
    """

    reference: Reference
    artefact: Artefact | None
    verdict: StageVerdict
    documents: tuple[Mapping[str, object], ...] = field(default=(), hash=False)
    gaps: tuple[Gap, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    evidence: tuple[Digest, ...] = ()
    source_commit: str = ""
    runs_already: bool = False

    def __post_init__(self) -> None:
        if self.runs_already:
            return
        if self.verdict.verdict is Verdict.ALLOW and (self.artefact is None or not self.documents):
            raise ValueError("an allow needs an artefact and the document it was decided on")

    @property
    def digest(self) -> Digest | None:
        """The digest that was judged, if any."""
        return self.artefact.digest if self.artefact is not None else None


def judge_reference(
    engine: Engine, registry: Registry, reference: Reference, scope: Scope, deadline: Deadline
) -> Judged:
    """Resolve a reference and judge its evidence.

    A reference that cannot be resolved or read is a verdict too, with the code as its finding. Raises nothing but
    programming errors.
    """
    try:
        with engine.step("resolve"):
            resolved = resolve(registry, reference, deadline)
    except (InvalidInput, Unavailable) as error:
        return unreadable(reference, named_artefact(reference), error)
    try:
        return judge_resolved(engine, registry, reference, resolved, scope, deadline)
    except (InvalidInput, Unavailable) as error:
        return unreadable(reference, resolved.artefact, error)


def leave_unjudged(reference: Reference) -> Judged:
    """The image of a request that does not change which images run: nothing is fetched, and nothing denies it."""
    return Judged(
        reference=reference,
        artefact=named_artefact(reference),
        verdict=StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.ALLOW),
        runs_already=True,
    )


def judge_resolved(
    engine: Engine,
    registry: Registry,
    reference: Reference,
    resolved: Resolved,
    scope: Scope,
    deadline: Deadline,
) -> Judged:
    """Judge the evidence of an artefact that `reference` was resolved to, platform by platform when it is an index.

    Raises what reading the artefact itself raises. Findings name the reference as it was asked for, and the platform.
    """
    trust = engine.trust.snapshot()
    named = engine.policy.loaded().named.get((scope.tenant, scope.environment), {})
    tree = grow_tree(
        registry, resolved, trust.groups, named, deadline, engine.limits, step=engine.step, formats=engine.formats
    )
    judged = [_with_unjudged(tree.about(platform), named, trust) for platform in tree.platforms]
    with engine.step("decide"), ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        decided = list(
            pool.map(lambda proven: _decide(engine, reference, resolved, proven, named, scope, deadline), judged)
        )
    together = _together(reference, resolved.artefact, decided)
    if together.verdict.verdict is not Verdict.ALLOW:
        # Whoever is denied signs and tries again: what was missing a moment ago has to be looked for again.
        for part in (*tree.indexes, *tree.platforms):
            engine.forget(resolved.artefact.repository, part.subject.digest)
    return together


def _with_unjudged(proven: Proven, named: Named, trust: TrustSnapshot) -> Proven:
    return replace(proven, gaps=(*proven.gaps, *find_unjudged(proven.rejected, named, trust)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    facts: EvidenceFacts
    verdict: StageVerdict


def _decide(
    engine: Engine,
    reference: Reference,
    resolved: Resolved,
    proven: Proven,
    named: Named,
    scope: Scope,
    deadline: Deadline,
) -> _Decided:
    """Judge one platform as an artefact of its own, over all that speaks about it."""
    facts = evidence_document(
        repository=resolved.artefact.repository,
        proven=proven,
        tenant=scope.tenant,
        environment=scope.environment,
        kind=scope.kind,
        policy=engine.identity(),
        time=engine.clock.now(),
        named=named,
        limits=engine.limits,
    )
    verdict = decide_stage(
        engine.policy,
        Stage.EVIDENCE,
        facts.document,
        gaps=facts.gaps,
        rejected=facts.rejected,
        image=str(reference),
        tenant=scope.tenant,
        environment=scope.environment,
        deadline=deadline,
    )
    findings = tuple(replace(finding, platform=proven.platform) for finding in verdict.findings)
    return _Decided(facts=facts, verdict=replace(verdict, findings=findings))


def _together(reference: Reference, artefact: Artefact, decided: Sequence[_Decided]) -> Judged:
    """The verdict on an artefact: the worst of those on its platforms, with the findings of all."""
    worst = max((item.verdict for item in decided), key=lambda verdict: _BADNESS[verdict.verdict])
    checked = Counter[str]()
    for item in decided:
        checked.update(dict(item.verdict.checked))
    commits = {item.facts.source_commit for item in decided}
    return Judged(
        reference=reference,
        artefact=artefact,
        verdict=replace(
            worst,
            findings=tuple(finding for item in decided for finding in item.verdict.findings),
            checked=tuple(sorted(checked.items())),
        ),
        documents=tuple(item.facts.document for item in decided),
        gaps=tuple(sorted({gap for item in decided for gap in item.facts.gaps})),
        rejected=tuple(sorted({rejection for item in decided for rejection in item.facts.rejected})),
        evidence=tuple(sorted({digest for item in decided for digest in item.facts.evidence})),
        source_commit=commits.pop() if len(commits) == 1 else "",
    )


def named_artefact(reference: Reference) -> Artefact | None:
    """The artefact that a reference names by its digest."""
    if reference.digest is None:
        return None
    return Artefact(repository=reference.repository, digest=reference.digest, tag=reference.tag)


def unreadable(reference: Reference, artefact: Artefact | None, error: AssayError) -> Judged:
    """The verdict on an artefact that could not be read: deny, or indeterminate when repeating may help."""
    finding = Finding(
        code=error.code,
        status=Status.INDETERMINATE if error.retryable else Status.VIOLATION,
        severity=Severity.CRITICAL,
        stage=Stage.EVIDENCE,
        msg=error.message,
        image=str(reference),
        reasons=(error.code,),
        solution=error.remedy,
    )
    verdict = Verdict.INDETERMINATE if error.retryable else Verdict.DENY
    return Judged(
        reference=reference,
        artefact=artefact,
        verdict=StageVerdict(stage=Stage.EVIDENCE, verdict=verdict, findings=(finding,)),
    )
