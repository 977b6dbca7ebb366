"""A question that is asked again gets its answer again, and nothing else does."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from functools import partial

import pytest

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion, PodFacts
from assay.domain.decision import Decision, Recorded, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.reference import Reference
from assay.usecases.admit import AdmissionScope, admit
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.clock import MovingClock
from tests.fakes.engine import World, good_bundles, publish, trust_in
from tests.fakes.oci import image
from tests.fakes.policy import NOW
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority
from tests.fakes.verdict_store import MemoryStore
from tests.unit.usecases.test_admit import SCOPE, question

IMAGE = Digest.of(image())
OF_THE_REQUEST = {"id", "time", "preimage", "dry_run"}


@pytest.fixture
def world() -> World:
    return World(clock=MovingClock(wall=NOW))


class TrustInTurn:
    """One trust after the other, each time somebody looks; the last one stays."""

    def __init__(self, snapshots: list[TrustSnapshot]) -> None:
        self._snapshots = snapshots

    def snapshot(self) -> TrustSnapshot:
        return self._snapshots.pop(0) if len(self._snapshots) > 1 else self._snapshots[0]


def pinned(registry: FakeRegistry, path: str = "app") -> Reference:
    return registry.reference(path, digest=IMAGE)


def ask(world: World, asked: AdmissionQuestion, scope: AdmissionScope = SCOPE) -> AdmissionAnswer:
    return admit(world.engine(), asked, scope, world.deadline())


def is_decided_anew(world: World, call: Callable[[], object]) -> bool:
    """Whether more than the answer from before was looked at."""
    before = world.metrics.steps["decide"]
    call()
    return world.metrics.steps["decide"] > before


def outcome(decision: Decision) -> dict[str, object]:
    return {item.name: getattr(decision, item.name) for item in fields(decision) if item.name not in OF_THE_REQUEST}


def test_the_same_question_gets_the_same_answer_and_a_decision_of_its_own(world: World, registry: FakeRegistry) -> None:
    asked = question(pinned(registry))
    first = ask(world, asked)
    again = replace(asked, uid="uid-2", name="web-2", dry_run=True)
    answers: list[AdmissionAnswer] = []
    assert not is_decided_anew(world, lambda: answers.append(ask(world, again)))
    assert answers[0] == replace(first, decision_id=answers[0].decision_id)
    before, after = world.log.decisions
    assert outcome(before) == outcome(after)
    assert (after.id, after.dry_run, before.dry_run) == (answers[0].decision_id, True, False)
    assert (b"uid-2" in after.preimage, b"web-2" in after.preimage) == (True, True)
    assert world.metrics.decisions == {("admission", "allow"): 2}


ASKED_OTHERWISE: dict[str, object] = {
    "operation": "UPDATE",
    "namespace": "other",
    "kind": "Deployment",
    "user": "mallory",
    "service_account": "admin",
    "labels": (("app", "other"),),
    "groups": ("system:masters",),
    "pods": (PodFacts(privileged=True),),
    "images_unchanged": True,
}


@pytest.mark.parametrize("name", ASKED_OTHERWISE)
def test_another_question_is_decided_for_itself(world: World, registry: FakeRegistry, name: str) -> None:
    asked = question(pinned(registry))
    ask(world, asked)
    other = replace(asked, **{name: ASKED_OTHERWISE[name]})  # type: ignore[arg-type]  # of several types
    assert is_decided_anew(world, partial(ask, world, other))
    assert not is_decided_anew(world, partial(ask, world, asked))


@pytest.mark.parametrize(
    "change", [{"tenant": "team-b"}, {"environment": "staging"}, {"namespace_labels": (("tier", "dmz"),)}]
)
def test_another_scope_is_decided_for_itself(world: World, registry: FakeRegistry, change: dict[str, object]) -> None:
    asked = question(pinned(registry))
    ask(world, asked)
    scope = replace(SCOPE, **change)  # type: ignore[arg-type]  # of several types
    assert is_decided_anew(world, partial(ask, world, asked, scope))


def pass_time(world: World) -> None:
    assert isinstance(world.clock, MovingClock)
    world.clock.pass_time(60)


def change_policy(world: World) -> None:
    world.policy.policy = replace(world.policy.policy, rule_data=Digest.of(b"other"))


def change_trust(world: World) -> None:
    world.trust = trust_in(world.authority.authority, FakeAuthority("second").authority)


def forget(world: World) -> None:
    assert isinstance(world.memory.store, MemoryStore)
    world.memory.store.clear()


def break_store(world: World) -> None:
    assert isinstance(world.memory.store, MemoryStore)
    world.memory.store.error = Unavailable("cache_unavailable", "down", remedy="repair it")


def forget_verdicts(world: World) -> None:
    for key in list(world.memory.verdicts._kept):  # as room runs out
        world.memory.verdicts.forget(key)


CHANGES = [pass_time, change_policy, change_trust, forget, break_store, forget_verdicts]


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_decision_followed_from_must_not_have_changed(
    world: World, registry: FakeRegistry, change: Callable[[World], None]
) -> None:
    asked = question(pinned(registry))
    ask(world, asked)
    assert not is_decided_anew(world, partial(ask, world, asked))
    change(world)
    assert is_decided_anew(world, partial(ask, world, asked))


def _let_a_rule_begin(world: World) -> None:
    assert isinstance(world.clock, MovingClock)
    world.clock.pass_time(31)


@pytest.mark.parametrize("change", [_let_a_rule_begin, change_policy, change_trust])
@pytest.mark.parametrize("unchanged", [True, False])
def test_an_answer_is_not_given_again_when_something_changed_before_it_was_kept(
    world: World, registry: FakeRegistry, change: Callable[[World], None], *, unchanged: bool
) -> None:
    asked = replace(question(pinned(registry)), images_unchanged=unchanged)
    rules = dict(world.policy.policy.rules)
    rules["registry.allowed"] = replace(rules["registry.allowed"], effective_on=NOW + timedelta(seconds=30))
    world.policy.policy = replace(world.policy.policy, rules=rules)

    def change_meanwhile(recorded: Recorded) -> Recorded:
        change(world)
        return recorded

    world.log.answer = change_meanwhile
    ask(world, asked)
    world.log.answer = lambda recorded: recorded
    assert is_decided_anew(world, partial(ask, world, asked))
    assert not is_decided_anew(world, partial(ask, world, asked))


def test_an_answer_is_not_given_again_when_trust_changed_before_it_was_judged(
    world: World, registry: FakeRegistry
) -> None:
    before, other = trust_in(world.authority.authority), trust_in(FakeAuthority("second").authority)
    asked = replace(question(pinned(registry)), images_unchanged=True)
    world.trust = TrustInTurn([before, other])
    ask(world, asked)
    assert world.log.decisions[0].policy.trust == other.digest
    world.trust = before
    assert is_decided_anew(world, partial(ask, world, asked))
    assert not is_decided_anew(world, partial(ask, world, asked))


def test_a_push_ends_what_was_said_about_its_repository_alone(world: World, registry: FakeRegistry) -> None:
    publish(registry, "other", good_bundles(FakeAuthority(), IMAGE))
    for path in ("app", "other"):
        ask(world, question(pinned(registry, path)))
    world.memory.store.forget_repository(pinned(registry).repository)
    assert is_decided_anew(world, partial(ask, world, question(pinned(registry))))
    assert not is_decided_anew(world, partial(ask, world, question(pinned(registry, "other"))))


def test_a_tag_is_looked_up_each_time(world: World, registry: FakeRegistry) -> None:
    asked = question(registry.reference("app", tag="v1"))
    ask(world, asked)
    registry.requests.clear()
    assert ask(world, asked).verdict is Verdict.ALLOW
    assert registry.requests


def test_a_denial_is_never_given_again_this_way(world: World, registry: FakeRegistry) -> None:
    asked = question(pinned(registry, "bare"))
    for _ in range(2):
        assert is_decided_anew(world, lambda: ask(world, asked).verdict is Verdict.DENY)
    assert len(world.memory.outcomes) == 0


def test_an_answer_that_cannot_be_recorded_is_none(world: World, registry: FakeRegistry) -> None:
    asked = question(pinned(registry))
    ask(world, asked)
    world.log.error = Unavailable("log_unavailable", "down", remedy="start it")
    with pytest.raises(Unavailable) as caught:
        ask(world, asked)
    assert caught.value.code == "log_unavailable"
    world.log.error = None
    assert ask(world, asked).verdict is Verdict.ALLOW
