"""Many images of many requests: what is fresh is given, what is under way is shared, and no fault is an allow."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from assay.adapters.clock import SystemClock
from assay.domain.deadline import Deadline
from assay.domain.decision import DecisionKind, Stage, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.policy import LoadedPolicy
from assay.domain.reference import Reference
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.judge import Judged
from assay.usecases.judge_all import judge_all
from assay.usecases.memory import Memory
from tests.fakes.clock import MovingClock
from tests.fakes.engine import LOADED, World, good_bundles, publish, trust_in
from tests.fakes.oci import image, put_bundle
from tests.fakes.policy import ENVIRONMENT, NOW, TENANT
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority
from tests.fakes.verdict_store import MemoryStore
from tests.fakes.waited_flights import WaitedFlights
from tests.fixtures.polling import eventually

SCOPE = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)
IMAGE = Digest.of(image())
GOOD = good_bundles(FakeAuthority(), IMAGE)


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock(wall=NOW)


@pytest.fixture
def world(clock: MovingClock) -> World:
    return World(clock=clock)


def judge(world: World, *references: Reference, engine: Engine | None = None, reader: str = "") -> list[Judged]:
    engine = engine or world.engine()
    source = Source(registry=engine.registry, reader=reader)
    return judge_all(engine, source, references, SCOPE, world.deadline())


def verdicts(judged: list[Judged]) -> list[Verdict]:
    return [item.verdict.verdict for item in judged]


def evidence_questions(world: World) -> int:
    return sum("image" in document for document in world.policy.asked)


def asked(registry: FakeRegistry) -> list[str]:
    return [request.path for request in registry.requests]


def test_an_image_that_was_judged_a_short_while_ago_costs_no_request_and_no_question(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    first = judge(world, pinned)
    clock.pass_time(59)
    registry.requests.clear()
    assert judge(world, pinned) == first
    assert (asked(registry), evidence_questions(world), verdicts(first)) == ([], 1, [Verdict.ALLOW])
    assert world.metrics.ages == [59]


def test_a_tag_costs_one_request_and_its_findings_name_the_tag(world: World, registry: FakeRegistry) -> None:
    judge(world, registry.reference("bare", digest=IMAGE))
    registry.requests.clear()
    (judged,) = judge(world, registry.reference("bare", tag="v1"))
    assert asked(registry) == ["/v2/bare/manifests/v1"]
    assert {finding.image for finding in judged.verdict.findings} == {f"{registry.host}/bare:v1"}


def test_a_listing_of_a_minute_ago_is_made_again_and_the_same_evidence_is_not_decided_again(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    first = judge(world, pinned)
    clock.pass_time(60)
    registry.requests.clear()
    assert judge(world, pinned) == first
    assert asked(registry)
    assert evidence_questions(world) == 1
    clock.pass_time(240)
    judge(world, pinned)
    assert evidence_questions(world) == 2


def test_other_evidence_is_decided_anew(world: World, registry: FakeRegistry, clock: MovingClock) -> None:
    pinned = registry.reference("bare", digest=IMAGE)
    assert verdicts(judge(world, pinned)) == [Verdict.INDETERMINATE]
    for bundle in GOOD.values():
        put_bundle(registry, "bare", image(), bundle)
    assert verdicts(judge(world, pinned)) == [Verdict.INDETERMINATE]
    clock.pass_time(15)
    assert verdicts(judge(world, pinned)) == [Verdict.ALLOW]


def test_a_clock_that_was_set_back_makes_nothing_live_longer(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    judge(world, pinned)
    clock.wall -= timedelta(seconds=1)
    registry.requests.clear()
    judge(world, pinned)
    assert asked(registry)


@pytest.mark.parametrize("status", [500, 403, 429])
def test_what_passes_is_never_kept(world: World, registry: FakeRegistry, status: int) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    registry.faults[f"/v2/app/referrers/{IMAGE}"] = Fault(status=status)
    assert verdicts(judge(world, pinned)) == [Verdict.INDETERMINATE]
    registry.faults.clear()
    assert verdicts(judge(world, pinned)) == [Verdict.ALLOW]


def test_a_refusal_of_the_engine_is_never_kept(world: World, registry: FakeRegistry) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    for error in (
        Unavailable("policy_engine_unavailable", "down", remedy="start it"),
        InvalidInput("policy_result_invalid", "nonsense", remedy="correct it"),
    ):
        world.policy.error = error
        assert verdicts(judge(world, pinned)) == [Verdict.DENY]
    world.policy.error = None
    assert verdicts(judge(world, pinned)) == [Verdict.ALLOW]


def test_the_allow_of_one_repository_serves_no_other(world: World, registry: FakeRegistry) -> None:
    allowed, other = registry.reference("app", digest=IMAGE), registry.reference("bare", digest=IMAGE)
    assert verdicts(judge(world, allowed, other)) == [Verdict.ALLOW, Verdict.INDETERMINATE]
    assert verdicts(judge(world, other, allowed)) == [Verdict.INDETERMINATE, Verdict.ALLOW]


def test_what_one_reader_found_is_not_given_to_another(world: World, registry: FakeRegistry) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    judge(world, pinned, reader="one")
    registry.requests.clear()
    judge(world, pinned, reader="two")
    assert asked(registry)


def test_other_trust_judges_anew(world: World, registry: FakeRegistry) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    assert verdicts(judge(world, pinned)) == [Verdict.ALLOW]
    engine = replace(world.engine(), trust=trust_in(FakeAuthority("other").authority))
    assert verdicts(judge(world, pinned, engine=engine)) == [Verdict.INDETERMINATE]


def test_other_policy_other_code_and_a_cleared_store_judge_anew(world: World, registry: FakeRegistry) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    judge(world, pinned)
    world.policy.policy = replace(LOADED, rule_data=Digest.of(b"other"))
    judge(world, pinned)
    judge(world, pinned, engine=replace(world.engine(), revision=Digest.of(b"next release")))
    assert isinstance(world.memory.store, MemoryStore)
    world.memory.store.name = "cleared"
    judge(world, pinned)
    assert evidence_questions(world) == 4


def test_a_rule_that_comes_into_force_judges_anew(world: World, registry: FakeRegistry, clock: MovingClock) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    world.policy.policy = _with_date(world.policy.policy)
    judge(world, pinned)
    clock.pass_time(9)
    judge(world, pinned)
    assert evidence_questions(world) == 1
    clock.pass_time(1)
    judge(world, pinned)
    assert evidence_questions(world) == 2


def _with_date(policy: LoadedPolicy) -> LoadedPolicy:
    rule = policy.rules["licence.denied"]
    dated = replace(rule, effective_on=NOW + timedelta(seconds=10))
    return replace(policy, rules={**policy.rules, rule.code: dated})


def test_a_store_keeps_verdicts_for_the_next_process(world: World, registry: FakeRegistry) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    first = judge(world, pinned)
    registry.requests.clear()
    later = World(clock=world.clock, memory=replace(World().memory, store=world.memory.store))
    assert judge(later, pinned) == first
    assert (asked(registry), later.metrics.cache) == ([], {("memory", "miss"): 1, ("store", "hit"): 1})
    assert judge(later, pinned) == first
    assert later.metrics.cache["memory", "hit"] == 1


def test_a_store_that_is_down_changes_no_verdict(world: World, registry: FakeRegistry) -> None:
    assert isinstance(world.memory.store, MemoryStore)
    world.memory.store.error = Unavailable("cache_unavailable", "down", remedy="clear it")
    references = registry.reference("app", digest=IMAGE), registry.reference("bare", tag="v1")
    assert verdicts(judge(world, *references)) == [Verdict.ALLOW, Verdict.INDETERMINATE]
    assert world.metrics.cache["store", "failure"]


def test_a_store_that_answers_with_another_verdict_is_not_believed(world: World, registry: FakeRegistry) -> None:
    store = world.memory.store
    assert isinstance(store, MemoryStore)
    judge(world, registry.reference("app", digest=IMAGE))
    allow = next(iter(store.kept.values()))
    store.answer = lambda _: allow
    assert verdicts(judge(world, registry.reference("bare", digest=IMAGE))) == [Verdict.INDETERMINATE]


def test_many_images_keep_their_order(world: World, registry: FakeRegistry) -> None:
    several = [
        registry.reference(path, tag=f"v{number}", digest=IMAGE) for number in range(9) for path in ("app", "bare")
    ]
    judged = judge(world, *several)
    assert [item.reference for item in judged] == several
    assert verdicts(judged) == [Verdict.ALLOW, Verdict.INDETERMINATE] * 9
    assert evidence_questions(world) == 2


def test_at_most_eight_images_of_a_request_are_under_way_and_the_rest_follows(
    world: World, registry: FakeRegistry
) -> None:
    several = [f"app-{number}" for number in range(12)]
    for path in several:
        publish(registry, path, {})
    pinned = [registry.reference(path, digest=IMAGE) for path in several]
    tagged = [registry.reference(path, tag="v1") for path in several]
    for references, waits in ((pinned, 1), (tagged, 2)):
        flights = WaitedFlights()
        world.memory = Memory(store=MemoryStore(), flights=flights)
        assert len(judge(world, *references)) == 12
        assert flights.under_way == [8, 8, 8, 8, 8, 7, 6, 5, 4, 3, 2, 1] * waits


def test_a_tag_that_cannot_be_resolved_is_a_verdict_without_a_digest(world: World, registry: FakeRegistry) -> None:
    good = registry.reference("app", digest=IMAGE)
    judged = judge(world, registry.reference("app", tag="none"), good, registry.reference("app", digest=Digest.of(b"")))
    assert verdicts(judged) == [Verdict.DENY, Verdict.ALLOW, Verdict.DENY]
    assert [item.digest for item in judged] == [None, IMAGE, Digest.of(b"")]


@dataclass
class Held:
    """An engine whose policy answers only when it is let."""

    world: World
    begun: threading.Event = field(default_factory=threading.Event)
    let: threading.Event = field(default_factory=threading.Event)

    def engine(self) -> Engine:
        self.world.policy.answer = self._wait
        self.world.policy.only = Stage.EVIDENCE
        return replace(self.world.engine(), clock=SystemClock())

    def _wait(self, answer: object) -> object:
        self.begun.set()
        assert self.let.wait(60)
        return answer


def _ask(engine: Engine, reference: Reference, seconds: float = 60) -> list[Judged]:
    deadline = Deadline.after(seconds, engine.clock.monotonic)
    return judge_all(engine, Source(registry=engine.registry), [reference], SCOPE, deadline)


def test_who_asks_meanwhile_waits_for_the_same_judgement(world: World, registry: FakeRegistry) -> None:
    held, pinned = Held(world), registry.reference("app", digest=IMAGE)
    engine = held.engine()
    with ThreadPoolExecutor(max_workers=3) as pool:
        asking = [pool.submit(_ask, engine, pinned)]
        assert held.begun.wait(60)
        asking += [pool.submit(_ask, engine, pinned) for _ in range(2)]
        eventually(lambda: world.metrics.coalesced == 2, "both wait")
        held.let.set()
        found = [item.result(60) for item in asking]
    assert [verdicts(judged) for judged in found] == [[Verdict.ALLOW]] * 3
    assert evidence_questions(world) == 1


def test_who_leaves_stops_nothing_and_what_is_found_serves_the_next(world: World, registry: FakeRegistry) -> None:
    held, pinned = Held(world), registry.reference("app", digest=IMAGE)
    engine = held.engine()
    (left,) = _ask(engine, pinned, seconds=0.05)
    assert (left.verdict.verdict, left.verdict.retryable) == (Verdict.INDETERMINATE, True)
    assert [finding.code for finding in left.verdict.findings] == ["deadline_exceeded"]
    held.let.set()
    eventually(lambda: len(engine.memory.verdicts) == 1, "the verdict is kept")
    assert verdicts(_ask(engine, pinned)) == [Verdict.ALLOW]
    assert evidence_questions(world) == 1


def test_an_error_is_for_those_who_wait_and_is_not_kept(world: World, registry: FakeRegistry) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    registry.faults[f"/v2/app/manifests/{IMAGE}"] = Fault(status=404, times=1)
    assert verdicts(judge(world, pinned, pinned)) == [Verdict.DENY, Verdict.DENY]
    assert verdicts(judge(world, pinned)) == [Verdict.ALLOW]


def test_an_unforeseen_error_is_raised_to_whoever_waits(world: World, registry: FakeRegistry) -> None:
    def break_down(_answer: object) -> object:
        raise RuntimeError("unforeseen")

    world.policy.answer = break_down
    with pytest.raises(RuntimeError, match="unforeseen"):
        judge(world, registry.reference("app", digest=IMAGE))
