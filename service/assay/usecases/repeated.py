"""Questions that were asked before, while nothing they were decided on has changed."""

from collections.abc import Hashable, Sequence

from assay.domain.admission import AdmissionQuestion, ImageAnswer
from assay.domain.artefact import Artefact
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.kept_verdict import EvidenceVerdict
from assay.domain.verdict_key import VerdictKey
from assay.usecases.conclude import Asker, Concluded
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.judge import Judged
from assay.usecases.memory import KeptOutcome
from assay.usecases.recollection import basis, epoch_of, verdict_key


def question_key(question: AdmissionQuestion, asker: Asker, scope: Scope, source: Source) -> Hashable | None:
    """All that a question is decided on besides the moment; None when a tag has to be looked up for it.

    Its uid, its name and whether it is a dry run are not part of it: no rule can read them.
    """
    if any(reference.digest is None for reference in question.references):
        return None
    return (asker.request, question.references, question.images_unchanged, scope, source.reader)


def recall_outcome(engine: Engine, key: Hashable) -> KeptOutcome | None:
    """The answer that the question got before, if it would get it again.

    Guaranteed: policy, rule dates and trust are those of then, the verdict on each image is still the one that is
    remembered for it, of this epoch and fresh, and the policy said so within the life of such an answer.
    """
    kept = engine.memory.outcomes.get(key)
    if kept is None or not 0 <= engine.clock.monotonic() - kept.proven < engine.life.request.total_seconds():
        return None
    now = engine.clock.now()
    if kept.basis != basis(engine, now):
        return None
    for verdict_of, found in kept.verdicts:
        if verdict_of.epoch != epoch_of(engine, verdict_of.repository):
            return None
        known = engine.memory.verdicts.get(verdict_of)
        if known is None or known.found is not found or not known.fresh(now, engine.life):
            return None
        engine.metrics.observe_age((now - known.listed).total_seconds())
    engine.metrics.count_cache("request", "hit")
    return kept


def keep_outcome(  # what was asked, what was found and what was answered
    engine: Engine,
    key: Hashable,
    source: Source,
    scope: Scope,
    judged: Sequence[Judged],
    concluded: Concluded,
    images: tuple[ImageAnswer, ...],
) -> None:
    """Remember an answer, if it is an allow of the policy itself, over verdicts that are remembered too."""
    if concluded.outcome.verdict is not Verdict.ALLOW:
        return
    proof = engine.memory.proofs.get(Digest.of(concluded.request))
    verdicts = _kept_verdicts(engine, source, scope, judged)
    if proof is None or verdicts is None:
        return
    now = engine.clock.now()
    engine.memory.outcomes.put(
        key,
        KeptOutcome(
            outcome=concluded.outcome,
            images=images,
            verdicts=verdicts,
            basis=basis(engine, now),
            proven=proof.at,
        ),
    )


def _kept_verdicts(
    engine: Engine, source: Source, scope: Scope, judged: Sequence[Judged]
) -> tuple[tuple[VerdictKey, EvidenceVerdict], ...] | None:
    kept = [_kept_verdict(engine, source, scope, item) for item in judged if not item.runs_already]
    found = tuple(item for item in kept if item is not None)
    return found if len(found) == len(kept) else None


def _kept_verdict(
    engine: Engine, source: Source, scope: Scope, judged: Judged
) -> tuple[VerdictKey, EvidenceVerdict] | None:
    artefact: Artefact | None = judged.artefact
    if artefact is None or judged.stale_seconds:  # a recorded age grows
        return None
    key = verdict_key(engine, source, artefact, scope, engine.clock.now())
    kept = engine.memory.verdicts.get(key)
    return (key, kept.found) if kept is not None and kept.found.facts is judged.facts else None
