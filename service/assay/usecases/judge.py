"""One artefact through the first four steps: resolve, collect, verify, decide its evidence."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

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
from assay.domain.evidence import Claim, EvidenceItem, Gap, Rejection
from assay.domain.gate import Candidate
from assay.domain.limit import Limits
from assay.domain.reference import Reference
from assay.ports import Clock, DecisionLog, Metrics, PolicyEngine, Registry, TrustRoots
from assay.usecases.collect import Collected, Refuse, collect
from assay.usecases.decide import decide_stage
from assay.usecases.document import EvidenceFacts, evidence_document
from assay.usecases.resolve import Resolved, resolve
from assay.usecases.standing import Named, find_unjudged, hear
from assay.verification.item import verify_item_for
from assay.verification.trust_snapshot import TrustSnapshot

JUDGE_SHARE = 0.8
"""Share of a call's time for judging its artefacts; the rest is for the request stage and the log."""
_COLLECT_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The ports behind every door; built once, shared by all requests of a process."""

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

    `artefact` is None when the reference could not be resolved to a digest; `document` is None when nothing was put
    before the policy. `evidence` are the digests of the verified items that count; what was rejected anybody can pile
    up, so it is not listed here. An `ALLOW` without artefact and document cannot be built (`ValueError`).
    """

    reference: Reference
    artefact: Artefact | None
    verdict: StageVerdict
    document: Mapping[str, object] | None = field(hash=False)
    gaps: tuple[Gap, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    evidence: tuple[Digest, ...] = ()
    source_commit: str = ""

    def __post_init__(self) -> None:
        if self.verdict.verdict is Verdict.ALLOW and (self.artefact is None or self.document is None):
            raise ValueError("an allow needs an artefact and the document it was decided on")

    @property
    def digest(self) -> Digest | None:
        """The digest that was judged, if any."""
        return self.artefact.digest if self.artefact is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Claims that hold and evidence that does not."""

    claims: tuple[Claim, ...]
    rejected: tuple[Rejection, ...]


def verify_collected(collected: Collected, subject: Digest, trust: TrustSnapshot, limits: Limits) -> Verified:
    """Verify every collected item against every authority; pure computation."""
    outcomes = [verify_item_for(trust.groups, item, subject=subject, limits=limits) for item in collected.items]
    return Verified(
        claims=tuple(outcome for outcome in outcomes if not isinstance(outcome, Rejection)),
        rejected=(*collected.rejected, *(outcome for outcome in outcomes if isinstance(outcome, Rejection))),
    )


def refusal(subject: Digest, trust: TrustSnapshot, named: Named, limits: Limits) -> Refuse:
    """What `collect` refuses where room is scarce: evidence that does not hold, or that nobody named has signed."""

    def refuse(item: EvidenceItem) -> Rejection | None:
        outcome = verify_item_for(trust.groups, item, subject=subject, limits=limits)
        return outcome if isinstance(outcome, Rejection) else next(iter(hear([outcome], named).rejected), None)

    return refuse


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
        return unreadable(reference, _named_artefact(reference), error)
    try:
        return judge_resolved(engine, registry, reference, resolved, scope, deadline)
    except (InvalidInput, Unavailable) as error:
        return unreadable(reference, resolved.artefact, error)


def judge_resolved(
    engine: Engine, registry: Registry, reference: Reference, resolved: Resolved, scope: Scope, deadline: Deadline
) -> Judged:
    """Judge the evidence of an artefact that `reference` was resolved to.

    Raises what reading the artefact itself raises. Findings name the reference as it was asked for.
    """
    artefact, trust = resolved.artefact, engine.trust.snapshot()
    named = engine.policy.loaded().named.get((scope.tenant, scope.environment), {})
    with engine.step("collect"):
        refuse = refusal(artefact.digest, trust, named, engine.limits)
        collected = collect(
            registry, artefact, resolved.manifest, deadline.part(_COLLECT_SHARE), engine.limits, refuse=refuse
        )
    with engine.step("verify"):
        verified = verify_collected(collected, artefact.digest, trust, engine.limits)
    facts = _facts(engine, artefact, scope, collected, verified, named)
    with engine.step("decide"):
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
    return Judged(
        reference=reference,
        artefact=artefact,
        verdict=verdict,
        document=facts.document,
        gaps=facts.gaps,
        rejected=facts.rejected,
        evidence=facts.evidence,
        source_commit=facts.source_commit,
    )


def _facts(
    engine: Engine, artefact: Artefact, scope: Scope, collected: Collected, verified: Verified, named: Named
) -> EvidenceFacts:
    return evidence_document(
        artefact=artefact,
        tenant=scope.tenant,
        environment=scope.environment,
        kind=scope.kind,
        policy=engine.identity(),
        time=engine.clock.now(),
        media_type=collected.manifest.media_type,
        config=collected.config,
        claims=verified.claims,
        named=named,
        gaps=(*collected.gaps, *find_unjudged(verified.rejected, named, engine.trust.snapshot())),
        rejected=verified.rejected,
        limits=engine.limits,
    )


def _named_artefact(reference: Reference) -> Artefact | None:
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
        document=None,
    )
