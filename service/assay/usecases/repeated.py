"""Questions that were asked before, while nothing they were decided on has changed."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime

from assay.domain.admission import AdmissionQuestion, ImageAnswer
from assay.domain.artefact import Artefact
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import AssayError
from assay.domain.kept_verdict import EvidenceVerdict, KeptVerdict
from assay.domain.reference import Reference, Repository
from assay.domain.verdict_key import VerdictKey
from assay.usecases.conclude import Asker, Concluded
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.judge import Judged
from assay.usecases.memory import KeptOutcome
from assay.usecases.recollection import Basis, basis, epoch_of, verdict_key
from assay.usecases.staleness import find_stale


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatable:
    """A question that may get the answer it got before.

    `key` is all that it is decided on besides the moment; `at` is when it was asked, and `basis` what was common to
    every question then.
    """

    key: Hashable
    basis: Basis
    at: datetime
    source: Source
    scope: Scope


def find_repeatable(
    engine: Engine, question: AdmissionQuestion, asker: Asker, scope: Scope, source: Source | AssayError
) -> Repeatable | None:
    """The question as one that may be asked again; None when a tag has to be looked up for it, or nothing can be read.

    A tag beside a digest has to be looked up, too, where it is immutable and not known to stand for that digest. Uid
    and name of a question, and whether it is a dry run, are not part of it: no rule can read them.
    """
    if isinstance(source, AssayError) or not all(_is_settled(engine, asked) for asked in question.references):
        return None
    key = (asker.request, question.references, question.images_unchanged, scope, source.reader)
    now = engine.clock.now()
    return Repeatable(key=key, basis=basis(engine, now), at=now, source=source, scope=scope)


def _is_settled(engine: Engine, asked: Reference) -> bool:
    if asked.digest is None:
        return False
    if engine.tags is None or not asked.tag:
        return True
    repository = engine.mirrors.origin(asked.repository)
    artefact = Artefact(repository=repository, digest=asked.digest, tag=asked.tag)
    return not engine.tags.covers(artefact) or bool(engine.tags.known.get(artefact))


def recall_outcome(engine: Engine, asked: Repeatable, *, may_wait: bool = True) -> KeptOutcome | None:
    """The answer that the question got before, if it would get it again; without `may_wait`, if memory alone shows it.

    Guaranteed: policy, rule dates and trust are those of then, the verdict on each image is still the one that is
    remembered for it, of this epoch and fresh, or as stale as it was recorded to be while its registry does not answer,
    and the policy said so within the life of such an answer.
    """
    kept = engine.memory.outcomes.get(asked.key)
    if kept is None or not 0 <= engine.clock.monotonic() - kept.proven < engine.life.request.total_seconds():
        return None
    if kept.basis != asked.basis:
        return None
    found = [_find_again(engine, *entry, asked.at, may_wait=may_wait) for entry in kept.verdicts]
    listed = [verdict.listed for verdict in found if verdict is not None]
    epochs = {(key.repository, key.epoch) for key, _, _ in kept.verdicts}
    if len(listed) < len(found) or epochs != _epochs(engine, kept):
        return None
    for _ in filter(None, (seconds for _, _, seconds in kept.verdicts)):
        engine.metrics.count_cache("memory", "stale")
    engine.metrics.count_cache("request", "hit")
    engine.metrics.observe_age((asked.at - min(listed, default=asked.at)).total_seconds())
    return kept


def _find_again(
    engine: Engine, key: VerdictKey, found: EvidenceVerdict, stale_seconds: int, now: datetime, *, may_wait: bool
) -> KeptVerdict | None:
    """The verdict that is remembered, if it is still the one that was found and would be given again."""
    known = engine.memory.verdicts.get(key)
    if known is None or known.found is not found:
        return None
    if stale_seconds:
        return known if _is_stale(engine, known, stale_seconds, now, may_wait=may_wait) else None
    return known if known.fresh(now, engine.life) else None


def _epochs(engine: Engine, kept: KeptOutcome) -> set[tuple[Repository, str]]:
    repositories = {item.repository for item, _, _ in kept.verdicts}
    return {(repository, epoch_of(engine, repository)) for repository in repositories}


def _is_stale(engine: Engine, known: KeptVerdict, seconds: int, now: datetime, *, may_wait: bool) -> bool:
    """Whether it would be given again with the same age; when that has grown, the registry is asked again."""
    if not engine.memory.outages.knows(known.key.repository.registry, engine.clock.monotonic()):
        return False
    stale = find_stale(engine, known.key, now, may_wait=may_wait)
    return stale is not None and stale.found is known.found and stale.seconds == seconds


def keep_outcome(
    engine: Engine,
    asked: Repeatable,
    judged: Sequence[Judged],
    concluded: Concluded,
    images: tuple[ImageAnswer, ...],
) -> None:
    """Remember an answer, if it is an allow of the policy itself, over verdicts that are remembered too.

    Policy, rule dates and trust must still be those of the moment it was asked: what changed while it was decided may
    have a part in the answer, or not.
    """
    if concluded.outcome.verdict is not Verdict.ALLOW or basis(engine, engine.clock.now()) != asked.basis:
        return
    proof = engine.memory.proofs.get(Digest.of(concluded.request))
    verdicts = _kept_verdicts(engine, asked, judged)
    if proof is None or verdicts is None:
        return
    engine.memory.outcomes.put(
        asked.key,
        KeptOutcome(
            outcome=concluded.outcome,
            images=images,
            verdicts=verdicts,
            basis=asked.basis,
            proven=proof.at,
        ),
    )


def _kept_verdicts(
    engine: Engine, asked: Repeatable, judged: Sequence[Judged]
) -> tuple[tuple[VerdictKey, EvidenceVerdict, int], ...] | None:
    kept = [_kept_verdict(engine, asked, item) for item in judged if not item.runs_already]
    found = tuple(item for item in kept if item is not None)
    return found if len(found) == len(kept) else None


def _kept_verdict(engine: Engine, asked: Repeatable, judged: Judged) -> tuple[VerdictKey, EvidenceVerdict, int] | None:
    artefact: Artefact | None = judged.artefact
    if artefact is None:
        return None
    key = verdict_key(engine, asked.source, artefact, asked.scope, asked.at)
    kept = engine.memory.verdicts.get(key)
    same = kept is not None and kept.found.facts is judged.facts
    return (key, kept.found, judged.stale_seconds) if kept is not None and same else None
