"""Playing cases against a webhook, and what comes of it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum

from assay_misuse.bench import Bench
from assay_misuse.case import Attempt, Case, Expected, Observation, Part, Together
from assay_misuse.webhook import Answered, Hook, Webhook
from assay_misuse.workload import Json, is_pinned, runs_only, with_patch


class Outcome(StrEnum):
    """What became of a part, and of a case: the worst of its parts."""

    PASSED = "pass"
    NOT_APPLICABLE = "not applicable"
    FAILED = "fail"
    BYPASSED = "bypassed"


_BADNESS = list(Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """What became of a part; `reasons` say why it is not a pass."""

    part: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What became of a case: bypassed or failed when any part was, a pass when at least one part is."""

    case: Case
    parts: tuple[PartResult, ...]

    @property
    def outcome(self) -> Outcome:
        """The outcome of the case."""
        outcomes = {result.outcome for result in self.parts}
        if outcomes == {Outcome.PASSED, Outcome.NOT_APPLICABLE}:
            return Outcome.PASSED
        return max(outcomes, key=_BADNESS.index)


def run_cases(cases: Sequence[Case], bench: Bench, webhook: Webhook) -> Iterator[CaseResult]:
    """Play every part of every case."""
    for case in cases:
        yield CaseResult(case=case, parts=tuple(run_part(case, part, bench, webhook) for part in case.parts))


def run_part(case: Case, part: Part, bench: Bench, webhook: Webhook) -> PartResult:
    """Play one part in a repository of its own.

    A denial that was expected and became an admission is a bypass. A twin that was denied, an answer that came too late
    or not at all or that an API server cannot use, an observation that does not hold, and a part that denies without a
    twin are failures. What needs control, or a hook that is not there, is not applicable, and says so.
    """
    if part.needs and bench.control is None:
        missing = ", ".join(sorted(need.value for need in part.needs))
        return PartResult(part=part.name, outcome=Outcome.NOT_APPLICABLE, reasons=(f"needs control: {missing}",))
    own = replace(bench, path=f"misuse/{case.number:02}-{case.parts.index(part)}")
    results = [result for step in part.play(own) for result in _take(step, webhook)]
    if any(result.missing_hook for result in results):
        reason = "needs the mutating hook"
        return PartResult(part=part.name, outcome=Outcome.NOT_APPLICABLE, reasons=(reason,), attempts=len(results))
    return _judge(part, results)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    expected: Expected | None
    outcome: Outcome
    reason: str = ""
    missing_hook: bool = False


def _judge(part: Part, results: Sequence[_Taken]) -> PartResult:
    outcome = max((result.outcome for result in results), key=_BADNESS.index, default=Outcome.FAILED)
    reasons = tuple(result.reason for result in results if result.outcome is not Outcome.PASSED)
    expected = {result.expected for result in results} - {None}
    if not results or (expected and Expected.ADMIT not in expected):
        outcome = max(outcome, Outcome.FAILED, key=_BADNESS.index)
        reasons = (*reasons, "nothing was admitted: the denials prove nothing")
    return PartResult(part=part.name, outcome=outcome, reasons=reasons, attempts=len(results))


def _take(step: Attempt | Together | Observation, webhook: Webhook) -> Iterator[_Taken]:
    match step:
        case Observation():
            outcome = Outcome.PASSED if step.holds else Outcome.FAILED
            yield _Taken(expected=None, outcome=outcome, reason=step.name)
        case Attempt():
            yield _attempt(step, webhook)
        case Together():
            with ThreadPoolExecutor(max_workers=len(step.attempts)) as pool:
                yield from pool.map(lambda attempt: _attempt(attempt, webhook), step.attempts)


def _attempt(attempt: Attempt, webhook: Webhook) -> _Taken:
    hooks = webhook.hooks()
    if attempt.validate_only or is_pinned(attempt.review):
        asked = [Hook.VALIDATE] if attempt.validate_only else sorted(hooks)
        return _compare(attempt, [_ask(webhook, hook, attempt, attempt.review) for hook in asked], each=True)
    if Hook.MUTATE not in hooks:
        return _Taken(expected=attempt.expected, outcome=Outcome.NOT_APPLICABLE, missing_hook=True)
    return _compare(attempt, list(_way_through(attempt, webhook)), each=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    hook: Hook
    review: Json
    answered: Answered


def _ask(webhook: Webhook, hook: Hook, attempt: Attempt, review: Json) -> _Answer:
    return _Answer(hook=hook, review=review, answered=webhook.ask(hook, review, seconds=attempt.seconds))


def _way_through(attempt: Attempt, webhook: Webhook) -> Iterator[_Answer]:
    """The mutating hook, then the validating one with what the first made of the object."""
    mutated = _ask(webhook, Hook.MUTATE, attempt, attempt.review)
    yield mutated
    if not mutated.answered.allowed:
        return
    review = attempt.review
    if mutated.answered.patch:
        try:
            review = with_patch(review, mutated.answered.patch)
        except ValueError as error:
            # The API server fails such a request, too.
            failed = replace(mutated.answered, allowed=None, why=f"the patch does not apply: {error}")
            yield replace(mutated, answered=failed)
            return
    yield _ask(webhook, Hook.VALIDATE, attempt, review)


def _compare(attempt: Attempt, answers: list[_Answer], *, each: bool) -> _Taken:
    """`each`: whether one hook that allows is enough for a bypass, for each of them judges on its own."""
    spoilt = [*_without_verdict(attempt, answers), *_late(attempt, answers)]
    if attempt.expected is Expected.ADMIT:
        denied = [item for item in answers if item.answered.allowed is False]
        refused = [f"{attempt.name}: {item.hook} denied: {item.answered.why}" for item in denied]
        return _taken(attempt, Outcome.FAILED, [*refused, *spoilt])
    admitted = [answer for answer in answers if answer.answered.allowed]
    passed = bool(admitted) and (each or len(admitted) == len(answers))
    if passed and not (attempt.expected is Expected.SAFE and runs_only(answers[-1].review, attempt.signed)):
        return _taken(attempt, Outcome.BYPASSED, [f"{attempt.name}: {answer.hook} allowed it" for answer in admitted])
    return _taken(attempt, Outcome.FAILED, spoilt)


def _without_verdict(attempt: Attempt, answers: list[_Answer]) -> Iterator[str]:
    """What `failurePolicy` decides is no denial: with `Ignore` it is an admission."""
    for answer in answers:
        if answer.answered.allowed is None:
            yield f"{attempt.name}: {answer.hook} gave no usable answer: {answer.answered.why}"


def _late(attempt: Attempt, answers: list[_Answer]) -> Iterator[str]:
    for answer in answers:
        if answer.answered.seconds >= attempt.seconds:
            yield f"{attempt.name}: {answer.hook} answered after {answer.answered.seconds:.1f} s"


def _taken(attempt: Attempt, otherwise: Outcome, reasons: list[str]) -> _Taken:
    outcome = otherwise if reasons else Outcome.PASSED
    return _Taken(expected=attempt.expected, outcome=outcome, reason="; ".join(reasons))
