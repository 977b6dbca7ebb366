"""An allow that is given again while its registry cannot be asked: only within the bound that the policy states.

What ends it at once is anything that was found out for certain: other evidence, a denial, an image that is gone, a
registry that refuses us. A change of policy or trust makes another key, under which there is nothing to give again.
"""

import math
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from assay.domain.decision import Verdict
from assay.domain.errors import AssayError
from assay.domain.kept_verdict import EvidenceVerdict, KeptVerdict
from assay.domain.verdict_key import VerdictKey
from assay.usecases.engine import Engine
from assay.usecases.recollection import find_stored, remember_stored

PATIENCE_SHARE = 0.01
"""Share of the time for judging after which a registry that has not answered keeps silent."""

_SILENCE = frozenset({"registry_unavailable", "deadline_exceeded"})
_REFUSAL = "registry_denied"
_QUICK_SECONDS = 0.25
_CONFIRMED_SECONDS = 1.0
_STORE = "store"
_STEP_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """An allow that may be given again, and the age of its listing in seconds; 0 when that is no older than usual.

    The age is rounded up to tens, so that the same question has the same answer for as long.
    """

    found: EvidenceVerdict
    seconds: int


def find_stale(engine: Engine, key: VerdictKey, now: datetime, *, may_wait: bool = True) -> Stale | None:
    """The allow that may be given while its registry cannot be asked; None when there is none.

    What other processes found out is looked up in the store once a second: in the background while it is asked for
    often, else before it is given. While the store cannot be read, or, without `may_wait`, when it would have to be
    waited for, there is nothing to give.
    """
    bound = engine.policy.loaded().stale_listing.get((key.tenant, key.environment), timedelta())
    kept = _find_confirmed(engine, key, may_wait=may_wait) if bound else None
    if kept is None or not kept.survives(now, bound):
        return None
    if kept.fresh(now, engine.life):
        return Stale(found=kept.found, seconds=0)
    steps = math.ceil((now - kept.listed).total_seconds() / _STEP_SECONDS)
    return Stale(found=kept.found, seconds=max(1, steps) * _STEP_SECONDS)


def _find_confirmed(engine: Engine, key: VerdictKey, *, may_wait: bool) -> KeptVerdict | None:
    memory = engine.memory
    left = (memory.confirmed.get(key) or 0.0) - engine.clock.monotonic()
    if left <= 0 and not (may_wait and _confirm(engine, key)):
        return None
    if 0 < left <= _CONFIRMED_SECONDS / 2:
        memory.confirmations.join(key, _STORE, partial(_confirm, engine, key))
    kept, ended = memory.verdicts.get(key), memory.ended.get(key)
    return kept if kept is not None and (ended is None or ended < kept.listed) else None


def _confirm(engine: Engine, key: VerdictKey) -> bool:
    """Ask the store what it keeps under the key; what it said holds from the moment it was asked."""
    until = engine.clock.monotonic() + _CONFIRMED_SECONDS
    stored = find_stored(engine, key)
    if stored is None:
        engine.memory.confirmed.forget(key)
        return False
    remember_stored(engine, stored)
    engine.memory.confirmed.put(key, until)
    return True


def keeps_silent(found: EvidenceVerdict | AssayError) -> bool:
    """Whether nothing was found out because a registry did not answer, and for no other reason."""
    codes = _causes(found)
    return bool(codes) and codes <= _SILENCE


def refuses(found: EvidenceVerdict | AssayError) -> bool:
    """Whether a registry did not let us read something."""
    return _REFUSAL in _causes(found)


def judge_or_end(engine: Engine, key: VerdictKey, judge: Callable[[], EvidenceVerdict]) -> EvidenceVerdict:
    """Judge, and see to it that no allow from before survives what is found out for certain."""
    begun = engine.clock.now()
    try:
        found = judge()
    except AssayError as error:
        _end(engine, key, error, begun)
        raise
    _end(engine, key, found, begun)
    return found


def _end(engine: Engine, key: VerdictKey, found: EvidenceVerdict | AssayError, begun: datetime) -> None:
    if isinstance(found, EvidenceVerdict):
        # What is definitive was kept in place of what was there before.
        certain = not found.definitive and found.verdict.verdict is not Verdict.ALLOW and not found.verdict.retryable
    else:
        certain = not found.retryable
    if not certain and not refuses(found):
        return
    engine.memory.ended.put(key, begun)
    engine.memory.verdicts.forget(key)
    try:
        engine.memory.store.forget(key)
    except AssayError:
        engine.metrics.count_cache("store", "failure")


def note_landing(engine: Engine, host: str, begun: float, landed: "Future[EvidenceVerdict]") -> None:
    """Remember whether a registry that was asked at this second is in trouble."""
    error = landed.exception()
    if error is not None and not isinstance(error, AssayError):
        return
    now = engine.clock.monotonic()
    if keeps_silent(error or landed.result()):
        engine.memory.outages.note_failure(host, now)
    elif now - begun <= _QUICK_SECONDS:
        engine.memory.outages.note_answer(host)


def _causes(found: EvidenceVerdict | AssayError) -> frozenset[str]:
    if isinstance(found, AssayError):
        return frozenset({found.code})
    if found.verdict.verdict is Verdict.ALLOW:
        return frozenset()
    blocking = [finding for finding in found.verdict.findings if finding.blocks]
    return frozenset(code for finding in blocking for code in finding.reasons or (finding.code,))
