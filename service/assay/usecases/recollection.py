"""What was found before and may serve again: verdicts on evidence, proofs about requests."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from assay.domain.artefact import Artefact
from assay.domain.decision import PolicyIdentity
from assay.domain.digest import Digest
from assay.domain.errors import AssayError
from assay.domain.kept_verdict import EvidenceVerdict, KeptVerdict
from assay.domain.reference import Repository
from assay.domain.verdict_key import VerdictKey
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.memory import TimedProof
from assay.usecases.proof import Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What every verdict of this moment depends on, whatever it is about."""

    policy: PolicyIdentity
    since: datetime


def basis(engine: Engine, now: datetime) -> Basis:
    """That of this moment."""
    return Basis(policy=engine.identity(), since=engine.policy.loaded().since(now))


def verdict_key(engine: Engine, source: Source, artefact: Artefact, scope: Scope, now: datetime) -> VerdictKey:
    """What the verdict on this artefact depends on at this moment, whichever door asks."""
    common = basis(engine, now)
    return VerdictKey(
        repository=artefact.repository,
        digest=artefact.digest,
        tenant=scope.tenant,
        environment=scope.environment,
        policy=common.policy,
        since=common.since,
        reader=source.reader,
        waivers="",
        feeds="",
        limits=engine.limits,
        formats=engine.formats,
        revision=engine.revision,
        epoch=epoch_of(engine, artefact.repository),
    )


def epoch_of(engine: Engine, repository: Repository) -> str:
    """That of the store; while it cannot be asked, an epoch of its own in which nothing is remembered for long."""
    try:
        return engine.memory.store.epoch(repository)
    except AssayError:
        engine.metrics.count_cache("store", "failure")
        return "unknown"


def find_fresh(engine: Engine, key: VerdictKey, now: datetime) -> EvidenceVerdict | None:
    """A verdict that may be given without looking what lies beside the artefact; nobody is asked for it."""
    kept = engine.memory.verdicts.get(key)
    if kept is None or not kept.fresh(now, engine.life):
        engine.metrics.count_cache("memory", "miss")
        return _find_fresh_stored(engine, key, now)
    engine.metrics.count_cache("memory", "hit")
    engine.metrics.observe_age((now - kept.listed).total_seconds())
    return kept.found


def find_stored(engine: Engine, key: VerdictKey) -> KeptVerdict | None:
    """What the store keeps under this very key, however old; None, which is counted, while it cannot be asked."""
    with suppress(AssayError):
        return _ask_store(engine, key)
    return None


def _ask_store(engine: Engine, key: VerdictKey) -> KeptVerdict | None:
    try:
        kept = engine.memory.store.find(key)
    except AssayError:
        engine.metrics.count_cache("store", "failure")
        raise
    if kept is None or kept.key != key:
        return None
    # The parts of the key that was asked for are those of all keys; what was read is a copy.
    return replace(kept, key=key)


def _find_fresh_stored(engine: Engine, key: VerdictKey, now: datetime) -> EvidenceVerdict | None:
    try:
        kept = _ask_store(engine, key)
    except AssayError:
        return None
    known = remember_stored(engine, kept) if kept is not None and kept.stands(now, engine.life) else None
    if known is None:
        engine.metrics.count_cache("store", "miss")
        return None
    fresh = known.fresh(now, engine.life)
    engine.metrics.count_cache("store", "hit" if fresh else "stale")
    return known.found if fresh else None


def remember_stored(engine: Engine, stored: KeptVerdict) -> KeptVerdict | None:
    """What is remembered once the store said this: whichever was listed last; None when that was ended meanwhile.

    What was found is never replaced by its equal, because whole answers are given again only with the very same.
    """
    verdicts, key = engine.memory.verdicts, stored.key
    known = verdicts.get(key)
    if known is None or known.listed < stored.listed:
        unchanged = known is not None and known.found == stored.found
        known = replace(stored, found=known.found) if known is not None and unchanged else stored
        verdicts.put(key, known)
    ended = engine.memory.ended.get(key)
    if ended is None or ended < known.listed:
        return known
    verdicts.forget(key)  # whoever ends it says so before it is forgotten, so one of the two sees the other
    return None


def recall_verdict(engine: Engine, key: VerdictKey, now: datetime) -> KeptVerdict | None:
    """A verdict that stands for the same evidence, which the caller has to compare."""
    kept = engine.memory.verdicts.get(key)
    return kept if kept is not None and kept.stands(now, engine.life) else None


def keep_verdict(engine: Engine, kept: KeptVerdict) -> None:
    """Keep a verdict for this process, and for others and later ones as far as the store can."""
    engine.memory.verdicts.put(kept.key, kept)
    try:
        engine.memory.store.keep(kept)
    except AssayError:
        engine.metrics.count_cache("store", "failure")


def recall_proof(engine: Engine, octets: bytes, ask: Callable[[], Proof]) -> Proof:
    """The proof about a request document of these canonical bytes: one given a short while ago, or a new one.

    The document names policy, tenant and all that a rule may read, and its time is that of the last change of a rule.
    """
    digest, now = Digest.of(octets), engine.clock.monotonic()
    known = engine.memory.proofs.get(digest)
    if known is not None and 0 <= now - known.at < engine.life.request.total_seconds():
        engine.metrics.count_cache("request", "hit")
        return known.proof
    engine.metrics.count_cache("request", "miss")
    proof = ask()
    engine.memory.proofs.put(digest, TimedProof(proof=proof, at=now))
    return proof
