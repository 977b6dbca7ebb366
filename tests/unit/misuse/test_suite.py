"""The suite itself: a webhook that allows too much is bypassed, one that allows nothing proves nothing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest

from assay_misuse.bench import Answer, Bench, Entry, Readiness
from assay_misuse.case import Attempt, Case, Expected, Need, Observation, Step, admit, admit_only, deny, part
from assay_misuse.cases import CASES
from assay_misuse.document import Stored
from assay_misuse.policy import Policy
from assay_misuse.registry import LyingRegistry
from assay_misuse.run import CaseResult, Outcome, PartResult, run_cases, run_part
from assay_misuse.signatory import FreshKey, Signatory
from assay_misuse.webhook import Answered, Hook
from assay_misuse.workload import Json, creation

ALLOWED, DENIED = Answered(allowed=True), Answered(allowed=False, why="no")
GOOD = creation("registry.test/good@sha256:" + "0" * 64)
PINNED = creation("registry.test/app@sha256:" + "0" * 64)
TAGGED = creation("registry.test/app:v1")
CHEAP = [case for case in CASES if case.number not in {15, 28}]


class Scripted:
    """A webhook that answers each hook with one answer; the control that a case asks for does nothing."""

    def __init__(self, answers: Mapping[Hook, Answered]) -> None:
        self.answers = answers
        self.calls: list[tuple[object, ...]] = []

    def hooks(self) -> frozenset[Hook]:
        return frozenset(self.answers)

    def ask(self, hook: Hook, review: Json, *, seconds: int) -> Answered:
        self.calls.append((hook, review["request"]["uid"], seconds))
        return self.answers[hook]

    @contextmanager
    def policy(self, policy: Policy) -> Iterator[None]:
        self.calls.append((policy,))
        yield

    @contextmanager
    def trust(self, *, release: bool = True, keyless: bool = True) -> Iterator[None]:
        self.calls.append((release, keyless))
        yield

    @contextmanager
    def engine_answering(self, answer: Answer) -> Iterator[None]:
        self.calls.append((answer,))
        yield

    @contextmanager
    def breaking(self, collaborator: str, error: Exception) -> Iterator[None]:
        self.calls.append((collaborator, error))
        yield

    @contextmanager
    def pull_secret(self, namespace: str, name: str, user: str) -> Iterator[None]:
        self.calls.append((namespace, name, user))
        yield

    @contextmanager
    def exception(self, subject: Stored, flaw: str) -> Iterator[None]:
        self.calls.append((subject, flaw))
        yield

    def keyless(self, subject: Stored, flaw: str) -> Mapping[str, bytes]:
        self.calls.append((subject, flaw))
        return {}

    def restart(self) -> None:
        self.calls.append(("restart",))

    def readiness(self) -> Readiness:
        return Readiness(ready=True)

    def entries(self) -> Sequence[Entry]:
        return []


class Fair(Scripted):
    """Allows the good image at once, and answers the rest like its parent."""

    def ask(self, hook: Hook, review: Json, *, seconds: int) -> Answered:
        return ALLOWED if review is GOOD else super().ask(hook, review, seconds=seconds)


def scripted(mutate: Answered | None, validate: Answered) -> Scripted:
    return Scripted({Hook.VALIDATE: validate, **({Hook.MUTATE: mutate} if mutate else {})})


@pytest.fixture(scope="module")
def registry() -> Iterator[LyingRegistry]:
    with LyingRegistry.serving() as serving:
        yield serving


def bench(registry: LyingRegistry, control: Scripted | None = None) -> Bench:
    keys = [Signatory(signer=FreshKey()) for _ in range(5)]
    return Bench(
        registry=registry,
        elsewhere=registry,
        release=keys[0],
        stranger=keys[1],
        board=tuple(keys[2:]),
        control=control,
    )


def played(registry: LyingRegistry, webhook: Scripted, *steps: Step, needs: Need | None = None) -> PartResult:
    """The result of a part with these steps."""
    made = part("a part", lambda _: iter(steps), *([needs] if needs else []))
    case = Case(number=1, title="a case", sources=("nowhere",), parts=(made,))
    return run_part(case, made, bench(registry), webhook)


@pytest.mark.parametrize("case", CHEAP, ids=lambda case: str(case.number))
def test_a_webhook_that_allows_everything_is_bypassed_in_every_case(registry: LyingRegistry, case: Case) -> None:
    lenient = scripted(ALLOWED, ALLOWED)
    (result,) = run_cases([case], bench(registry, lenient), lenient)
    assert {part.outcome for part in result.parts} <= {Outcome.BYPASSED, Outcome.FAILED}
    assert result.outcome is Outcome.BYPASSED


@pytest.mark.parametrize("case", CHEAP, ids=lambda case: str(case.number))
def test_a_webhook_that_denies_everything_proves_nothing(registry: LyingRegistry, case: Case) -> None:
    strict = scripted(DENIED, DENIED)
    (result,) = run_cases([case], bench(registry, strict), strict)
    assert {part.outcome for part in result.parts} == {Outcome.FAILED}


def test_a_denial_with_its_twin_is_a_pass(registry: LyingRegistry) -> None:
    webhook = Fair(dict.fromkeys(Hook, DENIED))
    result = played(registry, webhook, admit("good", GOOD), deny("bad", TAGGED))
    assert (result.outcome, result.reasons, result.attempts) == (Outcome.PASSED, (), 2)


def test_one_hook_that_lets_a_pinned_image_through_is_a_bypass(registry: LyingRegistry) -> None:
    for mutate, validate in ((ALLOWED, DENIED), (DENIED, ALLOWED)):
        assert played(registry, scripted(mutate, validate), deny("bad", PINNED)).outcome is Outcome.BYPASSED
    assert played(registry, scripted(DENIED, DENIED), deny("bad", PINNED)).outcome is Outcome.FAILED


def test_an_image_by_tag_goes_through_both_hooks(registry: LyingRegistry) -> None:
    assert played(registry, scripted(ALLOWED, ALLOWED), deny("bad", TAGGED)).outcome is Outcome.BYPASSED
    for mutate, validate in ((ALLOWED, DENIED), (DENIED, ALLOWED)):
        result = played(registry, scripted(mutate, validate), deny("bad", TAGGED))
        assert result.reasons == ("nothing was admitted: the denials prove nothing",)
    missing = played(registry, scripted(None, ALLOWED), deny("bad", TAGGED))
    assert (missing.outcome, missing.reasons) == (Outcome.NOT_APPLICABLE, ("needs the mutating hook",))


def test_what_may_run_only_as_one_digest_is_bypassed_by_another(registry: LyingRegistry) -> None:
    good, bad = "sha256:" + "0" * 64, "sha256:" + "1" * 64
    webhook = scripted(ALLOWED, ALLOWED)
    assert played(registry, webhook, admit_only("x", PINNED, good), admit("y", PINNED)).outcome is Outcome.PASSED
    assert played(registry, webhook, admit_only("x", PINNED, bad), admit("y", PINNED)).outcome is Outcome.BYPASSED


def test_a_late_answer_is_a_failure(registry: LyingRegistry) -> None:
    late = Answered(allowed=False, seconds=3.0)
    result = played(registry, scripted(late, late), deny("bad", PINNED, seconds=3))
    assert result.outcome is Outcome.FAILED
    assert "answered after 3.0 s" in result.reasons[0]


@pytest.mark.parametrize("attempt", [deny("bad", PINNED), admit_only("bad", PINNED, "sha256:" + "1" * 64)])
def test_what_an_api_server_cannot_use_is_no_denial(registry: LyingRegistry, attempt: Attempt) -> None:
    def play(mutate: Answered, validate: Answered) -> PartResult:
        webhook = Fair({Hook.MUTATE: mutate, Hook.VALIDATE: validate})
        return played(registry, webhook, admit("good", GOOD), attempt)

    unusable = Answered(allowed=None, why="HTTP 500")
    for mutate, validate, hook in ((unusable, DENIED, Hook.MUTATE), (DENIED, unusable, Hook.VALIDATE)):
        result = play(mutate, validate)
        assert result.outcome is Outcome.FAILED
        assert result.reasons == (f"bad: {hook} gave no usable answer: HTTP 500",)
    assert play(DENIED, DENIED).outcome is Outcome.PASSED


def test_a_mutating_hook_without_an_answer_has_not_denied_a_tag(registry: LyingRegistry) -> None:
    unusable = Answered(allowed=None, why="ReadTimeout")
    for mutate, outcome in ((unusable, Outcome.FAILED), (DENIED, Outcome.PASSED)):
        webhook = Fair({Hook.MUTATE: mutate, Hook.VALIDATE: DENIED})
        assert played(registry, webhook, admit("good", GOOD), deny("bad", TAGGED)).outcome is outcome


def test_a_patch_that_does_not_apply_admits_nothing(registry: LyingRegistry) -> None:
    patching = Answered(allowed=True, patch=b'[{"op": "test", "path": "/kind", "value": "Job"}]')
    result = played(registry, scripted(patching, ALLOWED), admit("good", TAGGED))
    assert result.outcome is Outcome.FAILED
    assert "the patch does not apply" in result.reasons[0]


def test_an_observation_that_does_not_hold_is_a_failure(registry: LyingRegistry) -> None:
    webhook = scripted(ALLOWED, ALLOWED)
    for holds, outcome in ((True, Outcome.PASSED), (False, Outcome.FAILED)):
        result = played(registry, webhook, admit("good", PINNED), Observation(name="it leaked", holds=holds))
        assert result.outcome is outcome


def test_what_needs_control_is_not_applicable_without_and_says_why(registry: LyingRegistry) -> None:
    result = played(registry, scripted(ALLOWED, ALLOWED), deny("bad", PINNED), needs=Need.POLICY)
    assert (result.outcome, result.reasons) == (Outcome.NOT_APPLICABLE, ("needs control: a change of policy",))
    with pytest.raises(LookupError):
        _ = bench(registry).controlled


def test_a_case_is_as_bad_as_its_worst_part_and_not_applicable_only_as_a_whole() -> None:
    def outcome(*parts: Outcome) -> Outcome:
        results = tuple(PartResult(part=str(number), outcome=each) for number, each in enumerate(parts))
        return CaseResult(case=CASES[0], parts=results).outcome

    assert outcome(Outcome.PASSED, Outcome.NOT_APPLICABLE) is Outcome.PASSED
    assert outcome(Outcome.NOT_APPLICABLE) is Outcome.NOT_APPLICABLE
    assert outcome(Outcome.PASSED, Outcome.FAILED, Outcome.NOT_APPLICABLE) is Outcome.FAILED
    assert outcome(Outcome.FAILED, Outcome.BYPASSED) is Outcome.BYPASSED


def test_every_case_expects_a_denial_or_says_that_it_is_about_behaviour(registry: LyingRegistry) -> None:
    control = scripted(ALLOWED, ALLOWED)
    for case in CHEAP:
        expected = {
            step.expected
            for each in case.parts
            for step in each.play(bench(registry, control))
            if isinstance(step, Attempt)
        }
        assert Expected.DENY in expected or case.title.startswith("Behaviour") or case.number == 29


def test_a_case_without_parts_or_with_two_of_one_name_is_refused() -> None:
    one = part("one", lambda _: iter(()))
    for parts in ((), (one, one)):
        with pytest.raises(ValueError, match="a case has parts"):
            Case(number=1, title="x", sources=("y",), parts=parts)
