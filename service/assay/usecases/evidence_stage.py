"""The evidence stage: all that lies beside an artefact, verified and put before the policy, platform by platform."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from assay.domain.artefact import Artefact
from assay.domain.compressed import Compressed
from assay.domain.deadline import Deadline
from assay.domain.decision import Stage, StageVerdict, Verdict
from assay.domain.kept_verdict import EvidenceVerdict, JudgedFacts, KeptVerdict
from assay.domain.verdict_key import VerdictKey
from assay.usecases.decide import decide_stage
from assay.usecases.document import EvidenceFacts, canonical, evidence_document
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.evidence_tree import Proven, grow_tree
from assay.usecases.recollection import keep_verdict, recall_verdict, verdict_key
from assay.usecases.resolve import Resolved, resolve
from assay.usecases.standing import Named, find_unjudged
from assay.verification.trust_snapshot import TrustSnapshot

_PARALLEL = 4
_BADNESS = {Verdict.ALLOW: 0, Verdict.INDETERMINATE: 1, Verdict.DENY: 2}


def judge_artefact(
    engine: Engine, source: Source, artefact: Artefact, scope: Scope, deadline: Deadline
) -> EvidenceVerdict:
    """Fetch the manifest of an artefact by its digest and judge what lies beside it, as `judge_evidence` does."""
    with engine.step("resolve"):
        resolved = resolve(source.registry, artefact.reference, deadline)
    return judge_evidence(engine, source, resolved, scope, deadline)


def judge_evidence(
    engine: Engine, source: Source, resolved: Resolved, scope: Scope, deadline: Deadline
) -> EvidenceVerdict:
    """List, collect and verify what lies beside an artefact now, and decide on it, platform by platform.

    For an admission the policy is not asked again about what it was asked about before, as long as that verdict stands.
    What is definitive is kept. Raises what reading the artefact itself raises.
    """
    begun = engine.clock.now()
    key = verdict_key(engine, source, resolved.artefact, scope, begun)
    trust = engine.trust.snapshot()
    policy = engine.policy.loaded()
    named = policy.named.get((scope.tenant, scope.environment), {})
    tree = grow_tree(
        source.registry,
        resolved,
        trust.groups,
        named,
        deadline,
        engine.limits,
        step=engine.step,
        formats=engine.formats,
        with_config=policy.reads_config,
    )
    proven = [_with_unjudged(tree.about(platform), named, trust) for platform in tree.platforms]
    platforms = [_describe(key, platform, named) for platform in proven]
    undecided = _together(platforms)
    earlier = recall_verdict(engine, key, begun) if scope.may_recall else None
    if earlier is not None and earlier.found.facts == undecided:
        keep_verdict(engine, replace(earlier, listed=begun))
        return earlier.found
    with engine.step("decide"):
        found = EvidenceVerdict(facts=undecided, verdict=_decide(engine, platforms, scope, deadline))
    if found.definitive:
        keep_verdict(engine, KeptVerdict(key=key, found=found, listed=begun, decided=begun))
    return found


def _with_unjudged(proven: Proven, named: Named, trust: TrustSnapshot) -> Proven:
    return replace(proven, gaps=(*proven.gaps, *find_unjudged(proven.rejected, named, trust)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Platform:
    """One platform as the policy will see it; `canonical` is the canonical form of the document."""

    name: str
    facts: EvidenceFacts
    canonical: Compressed


def _describe(key: VerdictKey, proven: Proven, named: Named) -> _Platform:
    facts = evidence_document(
        repository=key.repository,
        proven=proven,
        tenant=key.tenant,
        environment=key.environment,
        policy=key.policy,
        since=key.since,
        named=named,
        limits=key.limits,
    )
    return _Platform(name=proven.platform, facts=facts, canonical=Compressed.of(canonical(facts.document)))


def _together(platforms: Sequence[_Platform]) -> JudgedFacts:
    commits = {item.facts.source_commit for item in platforms}
    return JudgedFacts(
        documents=tuple(item.canonical for item in platforms),
        gaps=tuple(sorted({gap for item in platforms for gap in item.facts.gaps})),
        rejected=tuple(sorted({rejection for item in platforms for rejection in item.facts.rejected})),
        evidence=tuple(sorted({digest for item in platforms for digest in item.facts.evidence})),
        source_commit=commits.pop() if len(commits) == 1 else "",
    )


def _decide(engine: Engine, platforms: Sequence[_Platform], scope: Scope, deadline: Deadline) -> StageVerdict:
    """The verdict on an artefact: the worst of those on its platforms, with the findings of all."""
    decide = partial(_decide_platform, engine, scope, deadline)
    if len(platforms) == 1:
        return decide(platforms[0])
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        decided = list(pool.map(decide, platforms))
    worst = max(decided, key=lambda verdict: _BADNESS[verdict.verdict])
    checked = Counter[str]()
    for verdict in decided:
        checked.update(dict(verdict.checked))
    return replace(
        worst,
        findings=tuple(finding for verdict in decided for finding in verdict.findings),
        checked=tuple(sorted(checked.items())),
    )


def _decide_platform(engine: Engine, scope: Scope, deadline: Deadline, platform: _Platform) -> StageVerdict:
    """Judge one platform as an artefact of its own, over all that speaks about it."""
    verdict = decide_stage(
        engine.policy,
        Stage.EVIDENCE,
        platform.facts.document,
        gaps=platform.facts.gaps,
        rejected=platform.facts.rejected,
        tenant=scope.tenant,
        environment=scope.environment,
        deadline=deadline,
    )
    findings = tuple(replace(finding, platform=platform.name) for finding in verdict.findings)
    return replace(verdict, findings=findings)
