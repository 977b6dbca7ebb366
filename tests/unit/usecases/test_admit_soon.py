"""Admission without waiting: an answer is given at once only if it was given before, and only once it is recorded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.usecases.admit import AdmissionScope, admit, admit_soon
from assay.usecases.engine import Engine
from assay.usecases.pulling import PullingRegistries
from assay.usecases.tag_guard import TagGuard
from assay.verification.tag_rule import TagRule
from assay.verification.text_pattern import TextPattern
from tests.fakes.clock import MovingClock
from tests.fakes.cluster import FakeCluster
from tests.fakes.decision_pipeline import Manner, MemoryPipeline
from tests.fakes.engine import World, good_bundles, publish
from tests.fakes.metrics import CountingMetrics
from tests.fakes.oci import image
from tests.fakes.policy import NOW
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority
from tests.fakes.tag_book import MemoryTagBook
from tests.unit.usecases.test_admit import SCOPE, question
from tests.unit.usecases.test_repeated import ASKED_OTHERWISE, CHANGES, outcome, pinned
from tests.unit.usecases.test_staleness import BOUNDED, break_down

IMAGE = Digest.of(image())


@dataclass
class Desk:
    """A world in which one question was answered before, the pipeline, and what was said to who asks again."""

    asked: AdmissionQuestion
    world: World = field(default_factory=lambda: World(clock=MovingClock(wall=NOW)))
    pipeline: MemoryPipeline = field(default_factory=MemoryPipeline)
    pulling: PullingRegistries | None = None
    now: list[Callable[[], AdmissionAnswer]] = field(default_factory=list)
    wait: list[Callable[[], AdmissionAnswer]] = field(default_factory=list)

    def engine(self) -> Engine:
        return replace(self.world.engine(), pulling=self.pulling)

    def answer(self, asked: AdmissionQuestion | None = None, scope: AdmissionScope = SCOPE) -> AdmissionAnswer:
        return admit(self.engine(), asked or self.asked, scope, self.world.deadline())

    def ask(self, asked: AdmissionQuestion | None = None, scope: AdmissionScope = SCOPE) -> tuple[int, int]:
        """How many answers were given at once and how many have to be waited for, after this question; policy rests."""
        steps = self.world.metrics.steps["decide"]
        deadline = self.world.deadline()
        admit_soon(
            self.engine(), self.pipeline, asked or self.asked, scope, deadline, self.now.append, self.wait.append
        )
        assert self.world.metrics.steps["decide"] == steps
        return len(self.now), len(self.wait)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        publish(fake, "app", good_bundles(FakeAuthority(), IMAGE))
        publish(fake, "bare", {})
        yield fake


@pytest.fixture
def desk(registry: FakeRegistry) -> Desk:
    """One whose question was answered before."""
    desk = Desk(question(pinned(registry)))
    assert desk.answer().verdict is Verdict.ALLOW
    registry.requests.clear()
    return desk


def test_an_answer_given_before_is_given_at_once_with_a_decision_of_its_own(desk: Desk, registry: FakeRegistry) -> None:
    (before,) = desk.world.log.decisions
    assert desk.ask(replace(desk.asked, uid="uid-2", name="web-2", dry_run=True)) == (1, 0)
    answer = desk.now[0]()
    (after,) = desk.pipeline.decisions
    assert answer == replace(desk.answer(), decision_id=after.id)
    assert outcome(before) == outcome(after)
    assert (after.dry_run, b"uid-2" in after.preimage, b"web-2" in after.preimage) == (True, True, True)
    assert registry.requests == []


def test_what_was_recorded_is_counted_once_where_it_is_answered(desk: Desk) -> None:
    metrics = desk.world.metrics
    desk.ask()
    assert (metrics.decisions["admission", "allow"], metrics.steps["record"]) == (1, 1)
    desk.now[0]()
    assert (metrics.decisions["admission", "allow"], metrics.steps["record"]) == (2, 2)
    assert [len(desk.pipeline.decisions), len(desk.world.log.decisions)] == [1, 1]


def test_what_cannot_be_counted_is_no_answer(desk: Desk) -> None:
    class Uncounting(CountingMetrics):
        def count_decision(self, kind: str, verdict: str) -> None:
            raise OSError(kind, verdict)

    desk.world.metrics = Uncounting()
    assert desk.ask() == (1, 0)
    with pytest.raises(OSError, match="admission"):
        desk.now[0]()


@pytest.mark.parametrize("name", ASKED_OTHERWISE)
def test_a_new_question_has_to_be_waited_for_and_is_then_answered_as_any_other(desk: Desk, name: str) -> None:
    other = replace(desk.asked, **{name: ASKED_OTHERWISE[name]})  # type: ignore[arg-type]  # of several types
    assert desk.ask(other) == (0, 1)
    assert desk.wait[0]().verdict is Verdict.ALLOW
    assert desk.ask(other) == (1, 1)
    assert desk.ask() == (2, 1)


@pytest.mark.parametrize(
    "change", [{"tenant": "team-b"}, {"environment": "staging"}, {"namespace_labels": (("tier", "dmz"),)}]
)
def test_a_new_scope_has_to_be_waited_for(desk: Desk, change: dict[str, object]) -> None:
    scope = replace(SCOPE, **change)  # type: ignore[arg-type]  # of several types
    assert desk.ask(scope=scope) == (0, 1)
    assert desk.ask() == (1, 1)


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_that_may_be_another_one_now_has_to_be_waited_for(
    desk: Desk, change: Callable[[World], None]
) -> None:
    assert desk.ask() == (1, 0)
    change(desk.world)
    assert desk.ask() == (1, 1)
    assert len(desk.pipeline.asked) == 1


def test_a_push_to_a_repository_has_to_be_waited_for(desk: Desk) -> None:
    desk.world.memory.store.forget_repository(desk.asked.references[0].repository)
    assert desk.ask() == (0, 1)
    assert desk.wait[0]().verdict is Verdict.ALLOW
    assert desk.ask() == (1, 1)


def test_a_stale_listing_is_given_without_waiting_while_it_is_confirmed(desk: Desk, registry: FakeRegistry) -> None:
    desk.world.policy.policy = BOUNDED
    desk.answer()
    assert desk.ask() == (1, 0)
    break_down(registry)
    assert isinstance(desk.world.clock, MovingClock)
    desk.world.clock.pass_time(200)
    assert desk.answer().images[0].stale_seconds
    assert desk.ask() == (2, 0)
    assert desk.now[-1]().images[0].stale_seconds
    desk.world.clock.pass_time(1)  # the store has to be asked again whether that holds
    assert desk.ask() == (2, 1)
    assert desk.wait[0]().images[0].stale_seconds
    assert desk.ask() == (3, 1)


def test_pull_secrets_that_are_not_known_have_to_be_waited_for(desk: Desk) -> None:
    cluster, engine = FakeCluster(), desk.world.engine()
    desk.pulling = PullingRegistries(
        cluster=cluster, configured=engine.registry, open_registry=lambda _: engine.registry, clock=engine.clock
    )
    assert (desk.ask(), cluster.asked) == ((0, 1), [])
    assert desk.wait[0]().verdict is Verdict.ALLOW
    assert (desk.ask(), len(cluster.asked)) == ((1, 1), 1)
    assert isinstance(desk.world.clock, MovingClock)
    desk.world.clock.pass_time(30)
    assert (desk.ask(), len(cluster.asked)) == ((1, 2), 1)


def test_what_needs_no_pull_secrets_is_answered_without_them(desk: Desk) -> None:
    unchanged = replace(desk.asked, images_unchanged=True)
    desk.answer(unchanged)
    cluster, engine = FakeCluster(), desk.world.engine()
    desk.pulling = PullingRegistries(
        cluster=cluster, configured=engine.registry, open_registry=lambda _: engine.registry, clock=engine.clock
    )
    assert (desk.ask(unchanged), cluster.asked) == ((1, 0), [])


def test_a_tag_that_must_be_looked_up_has_to_be_waited_for(desk: Desk, registry: FakeRegistry) -> None:
    tagged = question(registry.reference("app", tag="v1"))
    desk.answer(tagged)
    registry.requests.clear()
    assert (desk.ask(tagged), registry.requests) == ((0, 1), [])
    assert desk.wait[0]().verdict is Verdict.ALLOW
    assert registry.requests


def test_an_immutable_tag_that_is_not_known_has_to_be_waited_for(desk: Desk, registry: FakeRegistry) -> None:
    rule = TagRule(repository=TextPattern(glob=f"{registry.host}/*"), tags=(TextPattern(glob="v*"),))
    book = MemoryTagBook()
    desk.world.tags = TagGuard(rules=(rule,), book=book)
    reference = registry.reference("app", tag="v1")
    tagged = question(reference.pinned(IMAGE))
    assert (desk.ask(tagged), book.asked) == ((0, 1), 0)
    for asked in (question(reference), tagged):  # it is looked up, so it is known, and so the answer is kept
        desk.answer(asked)
    seen = book.asked
    assert (desk.ask(tagged), book.asked) == ((1, 1), seen)


def test_a_denial_is_never_given_again_without_waiting(desk: Desk, registry: FakeRegistry) -> None:
    bare = question(pinned(registry, "bare"))
    before = desk.answer(bare)
    assert before.verdict is not Verdict.ALLOW
    assert desk.ask(bare) == (0, 1)
    assert desk.wait[0]().verdict is before.verdict


@pytest.mark.parametrize("manner", [Manner.NOT, Manner.OTHER])
def test_what_the_pipeline_did_not_record_is_asked_of_the_log_under_the_same_id(desk: Desk, manner: Manner) -> None:
    desk.pipeline.manner = manner
    assert desk.ask() == (0, 1)
    assert desk.world.metrics.decisions["admission", "allow"] == 1
    answer = desk.wait[0]()
    (asked,) = desk.pipeline.asked
    assert (answer.decision_id, answer.verdict, desk.world.log.decisions[1:]) == (asked.id, Verdict.ALLOW, [asked])
    assert desk.world.metrics.decisions["admission", "allow"] == 2


def test_what_neither_of_them_recorded_is_no_answer(desk: Desk) -> None:
    desk.pipeline.manner = Manner.NOT
    desk.ask()
    desk.world.log.error = Unavailable("log_unavailable", "down", remedy="start it")
    with pytest.raises(Unavailable) as caught:
        desk.wait[0]()
    assert caught.value.code == "log_unavailable"
    desk.world.log.error = None
    assert desk.wait[0]().verdict is Verdict.ALLOW


@pytest.mark.parametrize("recorded", [True, False])
def test_nothing_is_said_before_it_is_known_whether_it_was_recorded(desk: Desk, *, recorded: bool) -> None:
    desk.pipeline.manner = Manner.LATER
    assert desk.ask() == (0, 0)
    assert desk.ask() == (0, 0)
    desk.pipeline.settle(recorded=recorded)
    assert (len(desk.now), len(desk.wait)) == ((2, 0) if recorded else (0, 2))
    given = [give() for give in (*desk.now, *desk.wait)]
    assert [answer.decision_id for answer in given] == [decision.id for decision in desk.pipeline.asked]


def test_a_decision_that_cannot_be_recorded_is_an_error_and_no_answer(desk: Desk) -> None:
    desk.pipeline.manner = Manner.REFUSED
    with pytest.raises(InvalidInput) as caught:
        desk.ask()
    assert (caught.value.code, desk.now, desk.wait) == ("leaf_too_large", [], [])
    desk.pipeline.manner = Manner.AT_ONCE
    assert desk.ask() == (1, 0)
