"""Verifying images before anybody asks about them, and again before what was found is too old.

What is found is kept exactly as an admission would have kept it, under the same key; nothing is decided for anybody and
nothing is recorded. Evidence is read with the credentials of the installation alone: pull secrets belong to a request.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import DecisionKind, Verdict
from assay.domain.errors import AssayError
from assay.domain.kept_verdict import CacheLife, EvidenceVerdict, KeptVerdict
from assay.domain.reference import Repository
from assay.domain.seen_image import SeenImage, Sighting
from assay.ports.metrics import PrewarmMetrics
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.evidence_stage import judge_artefact
from assay.usecases.recollection import find_stored, verdict_key
from assay.usecases.staleness import judge_or_end, refuses
from assay.usecases.waiting_images import WaitingImages

_REFRESH_SHARE = 0.8  # of the life of a listing, or of an allow
_JUDGE_SECONDS = 10.0
_PARALLEL = 4
_PER_HOST = 2
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
_FORGOTTEN_SECONDS = 24 * 3600.0

_Place = tuple[Artefact, Scope]


@dataclass(slots=True, kw_only=True)
class _Planned:
    """An image that is to stay warm: when it was seen, and when it is its turn, in seconds on the monotonic clock."""

    why: Sighting
    seen: float
    due: float


@dataclass(slots=True, kw_only=True)
class _Pause:
    seconds: float
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """How verifying went, as it is counted, and the seconds until it is to be done again."""

    word: str
    pause: float = 0.0


@dataclass(slots=True, kw_only=True)
class Prewarming:
    """Keeps at most `most` images warm, those that were seen last, for a day after each sight of them.

    `scopes` are the tenants and environments that an image may be for when nobody said; `tell` hears of errors that
    nobody foresaw. Used by one thread.
    """

    engine: Engine
    metrics: PrewarmMetrics
    waiting: WaitingImages
    scopes: Sequence[tuple[str, str]]
    most: int
    tell: Callable[[BaseException], None]
    _plan: OrderedDict[_Place, _Planned] = field(default_factory=OrderedDict)
    _pauses: dict[str, _Pause] = field(default_factory=dict)

    def turn(self) -> float:
        """Verify some of what is due, a few at a time; the seconds until something else is."""
        while (image := self.waiting.take()) is not None:
            self._take(image)
        batch = self._due(self.engine.clock.monotonic())
        engine = self.engine.for_one_request()
        with ThreadPoolExecutor(max_workers=_PARALLEL, thread_name_prefix="prewarm") as pool:
            begun = [pool.submit(self._verify, engine, place) for place in batch]
        for place, done in zip(batch, begun, strict=True):
            if (error := done.exception()) is not None:
                self.tell(error)
            self._settle(place, _Outcome(word="internal") if error is not None else done.result())
        later = (self._begins(place) for place in self._plan)
        return max(0.0, min(later, default=math.inf) - self.engine.clock.monotonic())

    def _take(self, image: SeenImage) -> None:
        scopes = [(image.tenant, image.environment)] if image.tenant else self.scopes
        artefact = replace(image.artefact, tag="")
        now, pushed = self.engine.clock.monotonic(), image.why is Sighting.NOTIFICATION
        if pushed:
            self._expect(artefact.repository, now)
        for tenant, environment in scopes:
            place = artefact, Scope(kind=DecisionKind.ADMISSION, tenant=tenant, environment=environment)
            known = self._plan.pop(place, None)
            due = now if known is None or pushed else known.due
            self._plan[place] = _Planned(why=image.why, seen=now, due=due)
            if len(self._plan) > self.most:
                self._plan.popitem(last=False)

    def _expect(self, repository: Repository, now: float) -> None:
        """What was pushed may be evidence of any image beside it: all are looked at again."""
        for (artefact, _), planned in self._plan.items():
            if artefact.repository == repository:
                planned.due = now

    def _begins(self, place: _Place) -> float:
        pause = self._pauses.get(place[0].repository.registry)
        return max(self._plan[place].due, pause.until) if pause is not None else self._plan[place].due

    def _due(self, now: float) -> list[_Place]:
        """A few of the places whose turn it is: those that have waited longest, but not all of one registry."""
        ready = sorted((place for place in self._plan if self._begins(place) <= now), key=self._begins)
        hosts, batch = Counter[str](), list[_Place]()
        for place in ready:
            host = place[0].repository.registry
            if hosts[host] < _PER_HOST and len(batch) < _PARALLEL:
                hosts[host] += 1
                batch.append(place)
        return batch

    def _verify(self, engine: Engine, place: _Place) -> _Outcome:
        """Verify one image, unless somebody did a moment ago."""
        artefact, scope = place
        source, now = Source(registry=engine.registry), engine.clock.now()
        key = verdict_key(engine, source, artefact, scope, now)
        if (kept := find_stored(engine, key)) is not None and _is_warm(kept, now, engine.life):
            return _Outcome(word="fresh", pause=(_refresh_at(kept, engine.life) - now).total_seconds())
        known = engine.memory.verdicts.get(key)
        if known is not None and now + engine.life.listing >= known.decided + engine.life.allow:
            engine.memory.verdicts.forget(key)  # decided anew, or it would end while its listing is young
        deadline = Deadline.after(_JUDGE_SECONDS, engine.clock.monotonic)
        try:
            found = judge_or_end(engine, key, partial(judge_artefact, engine, source, artefact, scope, deadline))
        except AssayError as error:
            return _Outcome(word=_why_not(error, retryable=error.retryable))
        if found.verdict.verdict is not Verdict.ALLOW:
            return _Outcome(word=_why_not(found, retryable=found.verdict.retryable))
        again = engine.memory.verdicts.get(key)
        until = _refresh_at(again, engine.life) if again is not None else now + engine.life.listing
        return _Outcome(word="allowed", pause=(until - now).total_seconds())

    def _settle(self, place: _Place, outcome: _Outcome) -> None:
        """What becomes of an image; one that is not allowed is let go until somebody sees it again."""
        planned, host = self._plan[place], place[0].repository.registry
        self.metrics.count_prewarm(planned.why.value, outcome.word)
        now = self.engine.clock.monotonic()
        planned.due = now + max(_SHORTEST_PAUSE, outcome.pause)
        if outcome.word == "unavailable":
            earlier = self._pauses.get(host)
            seconds = min(_LONGEST_PAUSE, 2 * earlier.seconds) if earlier is not None else _SHORTEST_PAUSE
            self._pauses[host] = _Pause(seconds=seconds, until=now + seconds)
        elif outcome.word != "fresh":
            self._pauses.pop(host, None)
        if outcome.word in {"denied", "refused", "internal"} or now - planned.seen > _FORGOTTEN_SECONDS:
            del self._plan[place]


def _why_not(found: EvidenceVerdict | AssayError, *, retryable: bool) -> str:
    if refuses(found):
        return "refused"
    return "unavailable" if retryable else "denied"


def _is_warm(kept: KeptVerdict, now: datetime, life: CacheLife) -> bool:
    return kept.found.verdict.verdict is Verdict.ALLOW and now < _refresh_at(kept, life)


def _refresh_at(kept: KeptVerdict, life: CacheLife) -> datetime:
    """When an allow is to be looked at again: before its listing is too old, and before it ends."""
    end = min(kept.listed + life.listing, kept.decided + life.allow)
    return end - (1 - _REFRESH_SHARE) * min(life.listing, life.allow)
