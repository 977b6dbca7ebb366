"""All artefacts of one request: what is kept is given at once, the rest is judged in parallel, each thing once."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.kept_verdict import EvidenceVerdict
from assay.domain.reference import Reference
from assay.domain.verdict_key import VerdictKey
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.evidence_stage import judge_artefact, judge_evidence
from assay.usecases.judge import Judged, unreadable
from assay.usecases.recollection import find_fresh, verdict_key
from assay.usecases.resolve import Resolved, resolve
from assay.usecases.staleness import PATIENCE_SHARE, Stale, find_stale, judge_or_end, keeps_silent, note_landing

T = TypeVar("T")

FLIGHT_SECONDS = 10.0
"""What a judgement may take at least: it goes on when the request that began it is answered, for the next one."""
_PARALLEL = 8

_Wait = Callable[[], T]


def judge_all(
    engine: Engine, source: Source, references: Sequence[Reference], scope: Scope, deadline: Deadline
) -> list[Judged]:
    """Judge what each reference names, in their order, at most eight at a time.

    A tag is resolved anew each time; then nothing but the digest counts. Verdicts that are fresh are given without
    asking anybody; a judgement that is under way for the same key is waited for, no longer than to the deadline. While
    a registry does not answer, an allow whose listing is older is given again, as long as the policy lets it.
    What cannot be resolved or read is a verdict too. Raises nothing but programming errors.
    """
    pinned = _in_turn(_begin_pinning(engine, source, reference, deadline) for reference in references)
    return _in_turn(
        _begin_judging(engine, source, reference, pin, scope, deadline)
        for reference, pin in zip(references, pinned, strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pin:
    """The artefact behind a reference, and its manifest where that was fetched to find it."""

    artefact: Artefact
    resolved: Resolved | None = None


def _in_turn(begun: Iterable[_Wait[T]]) -> list[T]:
    """Begin one after the other and wait for the oldest, so that never more than a few are under way."""
    done: list[T] = []
    waiting: deque[_Wait[T]] = deque()
    for wait in begun:
        waiting.append(wait)
        if len(waiting) == _PARALLEL:
            done.append(waiting.popleft()())
    return done + [wait() for wait in waiting]


def _begin_pinning(
    engine: Engine, source: Source, reference: Reference, deadline: Deadline
) -> _Wait[_Pin | AssayError]:
    if reference.digest is not None:
        pin = _Pin(artefact=Artefact(repository=reference.repository, digest=reference.digest, tag=reference.tag))
        return lambda: pin

    def look_up() -> _Pin:
        with engine.step("resolve"):
            resolved = resolve(source.registry, reference, deadline)
        return _Pin(artefact=resolved.artefact, resolved=resolved)

    # A key of its own: what a tag names is asked for by every request itself, never taken from another.
    landing, _ = engine.memory.flights.join(object(), reference.repository.registry, look_up)
    return lambda: _landed(landing, reference, deadline)


def _begin_judging(
    engine: Engine, source: Source, reference: Reference, pin: _Pin | AssayError, scope: Scope, deadline: Deadline
) -> _Wait[Judged]:
    if isinstance(pin, AssayError):
        unresolved = unreadable(reference, pin)
        return lambda: unresolved
    now = engine.clock.now()
    key = verdict_key(engine, source, pin.artefact, scope, now)
    judge = partial(_judge, engine, source, pin, scope, _own_deadline(engine, deadline))
    asked = _Asked(engine=engine, reference=reference, artefact=pin.artefact, key=key, judge=judge, deadline=deadline)
    troubled = engine.memory.outages.knows(asked.host, engine.clock.monotonic())
    if troubled and (stale := find_stale(engine, key, now)) is not None:
        return asked.recall(stale)
    fresh = find_fresh(engine, key, now)
    if fresh is not None:
        judged = Judged.of(reference, pin.artefact, fresh)
        return lambda: judged
    if not troubled and (stale := find_stale(engine, key, now)) is not None:
        return partial(asked.prefer_new, asked.ask_again(), stale, deadline.part(PATIENCE_SHARE))
    return partial(asked.answer, asked.ask())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One image of a request, by its digest; `judge` finds out what is not known of it."""

    engine: Engine
    reference: Reference
    artefact: Artefact
    key: VerdictKey
    judge: Callable[[], EvidenceVerdict]
    deadline: Deadline

    @property
    def host(self) -> str:
        """The registry that is asked."""
        return self.reference.repository.registry

    def ask(self) -> "Future[EvidenceVerdict]":
        """Find out, together with whoever wants to know the same."""
        return self._join()[0]

    def ask_again(self) -> "Future[EvidenceVerdict]":
        """Find out again, and remember how the registry took it."""
        begun = self.engine.clock.monotonic()
        landing, joined = self._join()
        if not joined:
            landing.add_done_callback(partial(note_landing, self.engine, self.host, begun))
        return landing

    def answer(self, landing: "Future[EvidenceVerdict]") -> Judged:
        """What the flight brings before the deadline."""
        found = _landed(landing, self.reference, self.deadline)
        if isinstance(found, AssayError):
            return unreadable(self.artefact.reference, found, asked_as=self.reference)
        return Judged.of(self.reference, self.artefact, found)

    def prefer_new(self, landing: "Future[EvidenceVerdict]", stale: Stale, patience: Deadline) -> Judged:
        """What the flight brings; the earlier allow when the registry does not answer soon, or not at all."""
        found = _landed(landing, self.reference, self.deadline if landing.done() else patience)
        if not keeps_silent(found):
            return self.answer(landing)
        self.engine.memory.outages.note_silence(self.host, self.engine.clock.monotonic())
        return self._given(stale)

    def recall(self, stale: Stale) -> _Wait[Judged]:
        """The earlier allow at once; what became of it is found out meanwhile, where the registry may be asked."""
        if stale.seconds and self.engine.memory.outages.lets_ask(self.host, self.engine.clock.monotonic()):
            self.ask_again()
        return partial(self._given, stale)

    def _given(self, stale: Stale) -> Judged:
        self.engine.metrics.count_cache("memory", "stale" if stale.seconds else "hit")
        if stale.seconds:
            self.engine.metrics.observe_age(stale.seconds)
        return Judged.of(self.reference, self.artefact, stale.found, stale_seconds=stale.seconds)

    def _join(self) -> "tuple[Future[EvidenceVerdict], bool]":
        work = partial(judge_or_end, self.engine, self.key, self.judge)
        landing, joined = self.engine.memory.flights.join(self.key, self.host, work)
        if joined:
            self.engine.metrics.count_coalesced()
        return landing, joined


def _own_deadline(engine: Engine, deadline: Deadline) -> Deadline:
    own = Deadline.after(FLIGHT_SECONDS, engine.clock.monotonic)
    return max(own, deadline, key=lambda item: item.at)


def _judge(engine: Engine, source: Source, pin: _Pin, scope: Scope, deadline: Deadline) -> EvidenceVerdict:
    if pin.resolved is None:
        return judge_artefact(engine, source, pin.artefact, scope, deadline)
    return judge_evidence(engine, source, pin.resolved, scope, deadline)


def _landed(landing: "Future[T]", reference: Reference, deadline: Deadline) -> T | AssayError:
    """What the flight brought, or why it brought nothing in time; errors that nobody foresaw are raised."""
    host = reference.repository.registry
    try:
        return landing.result(timeout=deadline.remaining(f"{reference}, which {host} was asked for"))
    except TimeoutError:
        return Unavailable(
            "deadline_exceeded",
            f"{host} did not give everything about {reference} in time",
            remedy="repeat the call: what was found meanwhile is kept; raise its timeout if this happens often",
        )
    except (InvalidInput, Unavailable) as error:
        return error
