"""An allow that is given again while its registry does not answer: within the bound, and never after a denial."""

import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.admission import AdmissionQuestion
from assay.domain.deadline import Deadline
from assay.domain.decision import DecisionKind, Verdict
from assay.domain.descriptor import Content
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Reference
from assay.domain.verdict_key import VerdictKey
from assay.usecases.admit import AdmissionScope, admit
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.judge import Judged
from assay.usecases.judge_all import judge_all
from assay.usecases.memory import Memory
from tests.fakes.clock import MovingClock
from tests.fakes.engine import LOADED, World, good_bundles, publish, trust_in
from tests.fakes.kept_verdict import kept_verdict
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT, NOW, TENANT
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority
from tests.fakes.verdict_store import MemoryStore
from tests.fixtures.polling import eventually

SCOPE = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)
IMAGE = Digest.of(image())
GOOD = good_bundles(FakeAuthority(), IMAGE)
FOREIGN = FakeAuthority("other").authority
BOUNDED = replace(LOADED, stale_listing={(TENANT, ENVIRONMENT): timedelta(seconds=600)})
DOWN = Fault(status=503)


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock(wall=NOW)


@pytest.fixture
def world(clock: MovingClock) -> World:
    world = World(clock=clock)
    world.policy.policy = BOUNDED
    return world


def judge(
    world: World, reference: Reference, *, engine: Engine | None = None, reader: str = "", seconds: float = 6000
) -> Judged:
    """Patience is a share of the time: by default far more than any machine needs for an answer."""
    engine = engine or world.engine()
    source = Source(registry=engine.registry, reader=reader)
    (judged,) = judge_all(engine, source, [reference], SCOPE, world.deadline(seconds))
    return judged


def outcome(judged: Judged) -> tuple[Verdict, int]:
    return judged.verdict.verdict, judged.stale_seconds


def break_down(registry: FakeRegistry, fault: Fault = DOWN) -> None:
    registry.faults[f"/v2/app/referrers/{IMAGE}"] = fault


def begin_outage(world: World, registry: FakeRegistry, clock: MovingClock, seconds: int = 61) -> None:
    """The image is allowed, its registry goes down, and time passes, by default until the listing is too old."""
    judge(world, pinned(registry))
    break_down(registry)
    clock.pass_time(seconds)


def pinned(registry: FakeRegistry) -> Reference:
    return registry.reference("app", digest=IMAGE)


def test_an_allow_outlives_its_registry_to_the_bound_and_no_further(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    assert outcome(judge(world, pinned(registry))) == (Verdict.ALLOW, 0)
    break_down(registry)
    clock.pass_time(61)
    assert outcome(judge(world, pinned(registry))) == (Verdict.ALLOW, 70)
    clock.pass_time(539)
    assert outcome(judge(world, pinned(registry))) == (Verdict.ALLOW, 600)
    clock.pass_time(1)
    late = judge(world, pinned(registry))
    assert (late.verdict.verdict, late.verdict.retryable) == (Verdict.INDETERMINATE, True)


def test_without_a_bound_in_the_policy_nothing_is_given_again(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    world.policy.policy = LOADED
    begin_outage(world, registry, clock)
    assert outcome(judge(world, pinned(registry))) == (Verdict.INDETERMINATE, 0)


def test_a_registry_that_is_well_is_asked_as_ever(world: World, registry: FakeRegistry, clock: MovingClock) -> None:
    judge(world, pinned(registry))
    clock.pass_time(61)
    registry.requests.clear()
    assert outcome(judge(world, pinned(registry))) == (Verdict.ALLOW, 0)
    assert registry.requests
    assert world.metrics.cache["memory", "stale"] == 0


def test_an_image_that_was_never_allowed_is_denied_while_its_registry_is_down(
    world: World, registry: FakeRegistry
) -> None:
    break_down(registry)
    assert outcome(judge(world, pinned(registry))) == (Verdict.INDETERMINATE, 0)


def test_a_tag_is_resolved_or_it_is_denied(world: World, registry: FakeRegistry, clock: MovingClock) -> None:
    judge(world, registry.reference("app", tag="v1"))
    registry.faults["/v2/app/manifests/v1"] = DOWN
    clock.pass_time(61)
    assert outcome(judge(world, registry.reference("app", tag="v1"))) == (Verdict.INDETERMINATE, 0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_registry_that_refuses_us_ends_it(
    world: World, registry: FakeRegistry, clock: MovingClock, status: int
) -> None:
    judge(world, pinned(registry))
    break_down(registry, Fault(status=status))
    clock.pass_time(61)
    assert judge(world, pinned(registry)).verdict.verdict is not Verdict.ALLOW
    break_down(registry)
    assert judge(world, pinned(registry)).verdict.verdict is not Verdict.ALLOW


def test_an_image_that_is_gone_ends_it(world: World, registry: FakeRegistry, clock: MovingClock) -> None:
    judge(world, pinned(registry))
    registry.faults[f"/v2/app/manifests/{IMAGE}"] = Fault(status=404)
    clock.pass_time(61)
    assert judge(world, pinned(registry)).verdict.verdict is Verdict.DENY
    registry.faults[f"/v2/app/manifests/{IMAGE}"] = DOWN
    assert judge(world, pinned(registry)).verdict.verdict is Verdict.INDETERMINATE


class Held(RegistryClient):
    """A registry client that gives no manifest while it is held."""

    def __init__(self) -> None:
        super().__init__(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())
        self.free = threading.Event()
        self.free.set()

    def resolve(self, reference: Reference, deadline: Deadline) -> Content:
        assert self.free.wait(60)
        return super().resolve(reference, deadline)


def test_a_silent_registry_is_waited_for_a_moment_and_then_asked_in_the_background(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    world.registry = held = Held()
    judge(world, pinned(registry))
    held.free.clear()
    clock.pass_time(61)
    assert outcome(judge(world, pinned(registry), seconds=2)) == (Verdict.ALLOW, 70)
    # From now on nobody waits: a deadline that is over already takes nothing away.
    assert outcome(judge(world, pinned(registry), seconds=-1)) == (Verdict.ALLOW, 70)
    clock.pass_time(1)
    held.free.set()
    eventually(lambda: judge(world, pinned(registry), seconds=-1).stale_seconds == 0, "a new listing")
    assert world.memory.outages.knows(pinned(registry).repository.registry, clock.monotonic())


def test_a_registry_that_answers_again_is_no_longer_in_trouble(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    begin_outage(world, registry, clock)
    judge(world, pinned(registry))
    registry.faults.clear()
    clock.pass_time(2)
    assert outcome(judge(world, pinned(registry))) == (Verdict.ALLOW, 70)
    host = pinned(registry).repository.registry
    eventually(lambda: not world.memory.outages.knows(host, clock.monotonic()), "the trouble is over")
    assert outcome(judge(world, pinned(registry))) == (Verdict.ALLOW, 0)


@pytest.mark.parametrize("seconds", [61, 599])
def test_a_push_ends_it_at_once(world: World, registry: FakeRegistry, clock: MovingClock, seconds: int) -> None:
    begin_outage(world, registry, clock, seconds)
    assert judge(world, pinned(registry)).stale_seconds
    world.memory.store.forget_repository(pinned(registry).repository)
    assert outcome(judge(world, pinned(registry))) == (Verdict.INDETERMINATE, 0)


def test_a_store_that_is_down_gives_nothing_again(world: World, registry: FakeRegistry, clock: MovingClock) -> None:
    begin_outage(world, registry, clock)
    assert isinstance(world.memory.store, MemoryStore)
    world.memory.store.error = Unavailable("cache_unavailable", "down", remedy="clear it")
    assert outcome(judge(world, pinned(registry))) == (Verdict.INDETERMINATE, 0)


def test_a_store_that_answers_with_another_verdict_is_not_believed(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    store = world.memory.store
    assert isinstance(store, MemoryStore)
    judge(world, pinned(registry))
    other = replace(next(iter(store.kept.values())), key=kept_verdict().key)
    store.answer = lambda _: other
    break_down(registry)
    clock.pass_time(61)
    assert outcome(judge(world, pinned(registry))) == (Verdict.INDETERMINATE, 0)


def test_other_policy_other_trust_and_another_reader_have_nothing_to_be_given_again(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    begin_outage(world, registry, clock)
    distrusting = replace(world.engine(), trust=trust_in(FOREIGN))
    assert judge(world, pinned(registry), engine=distrusting).verdict.verdict is not Verdict.ALLOW
    assert judge(world, pinned(registry), reader="another").verdict.verdict is not Verdict.ALLOW
    world.policy.policy = replace(BOUNDED, rule_data=Digest.of(b"other"))
    assert judge(world, pinned(registry)).verdict.verdict is not Verdict.ALLOW


def test_a_clock_that_was_set_back_gives_nothing_again(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    judge(world, pinned(registry))
    break_down(registry)
    clock.wall -= timedelta(seconds=1)
    assert outcome(judge(world, pinned(registry))) == (Verdict.INDETERMINATE, 0)


def test_a_policy_engine_that_is_down_is_no_reason_to_give_anything_again(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    judge(world, pinned(registry))
    clock.pass_time(301)
    world.policy.error = Unavailable("policy_engine_unavailable", "down", remedy="start it")
    assert outcome(judge(world, pinned(registry))) == (Verdict.DENY, 0)


def test_an_end_that_the_store_does_not_take_holds_in_this_process(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    store = world.memory.store
    assert isinstance(store, MemoryStore)
    judge(world, pinned(registry))
    clock.pass_time(61)
    registry.faults[f"/v2/app/manifests/{IMAGE}"] = Fault(status=404)
    kept = dict(store.kept)
    judge(world, pinned(registry))
    store.kept = kept  # as if the store had not let it go
    registry.faults[f"/v2/app/manifests/{IMAGE}"] = DOWN
    assert judge(world, pinned(registry)).verdict.verdict is Verdict.INDETERMINATE


def test_an_unforeseen_error_is_raised_and_says_nothing_of_the_registry(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    def break_up(_answer: object) -> object:
        raise RuntimeError("unforeseen")

    judge(world, pinned(registry))
    clock.pass_time(301)
    world.policy.answer = break_up
    with pytest.raises(RuntimeError, match="unforeseen"):
        judge(world, pinned(registry))
    assert not world.memory.outages.knows(pinned(registry).repository.registry, clock.monotonic())


def test_what_was_given_again_is_counted_with_its_age(world: World, registry: FakeRegistry, clock: MovingClock) -> None:
    begin_outage(world, registry, clock, 100)
    judge(world, pinned(registry))
    assert (world.metrics.cache["memory", "stale"], world.metrics.ages) == (1, [100])


def ask_for_pod(world: World, registry: FakeRegistry, name: str = "web-1") -> tuple[Verdict, int]:
    asked = AdmissionQuestion(
        uid="u-1",
        operation="CREATE",
        namespace="shop",
        kind="Pod",
        name=name,
        user="alice",
        service_account="default",
        dry_run=False,
        labels=(),
        references=(pinned(registry),),
    )
    scope = AdmissionScope(tenant=TENANT, environment=ENVIRONMENT, caller="client certificate")
    answer = admit(world.engine(), asked, scope, world.deadline(6000))
    assert _recorded_age(world) == answer.images[0].stale_seconds
    return answer.verdict, answer.images[0].stale_seconds


def _recorded_age(world: World) -> object:
    return json.loads(world.log.decisions[-1].document.content())["request"]["images"][0]["stale_seconds"]


def test_each_decision_records_how_old_the_listing_was(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    assert ask_for_pod(world, registry) == (Verdict.ALLOW, 0)
    break_down(registry)
    clock.pass_time(200)
    assert ask_for_pod(world, registry) == (Verdict.ALLOW, 200)
    clock.pass_time(1)
    assert ask_for_pod(world, registry) == (Verdict.ALLOW, 210)


def test_the_same_question_has_the_same_answer_while_the_age_is_the_same(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    ask_for_pod(world, registry)
    break_down(registry)
    clock.pass_time(201)
    ask_for_pod(world, registry)
    asked = len(world.policy.asked)
    clock.pass_time(9)
    assert ask_for_pod(world, registry, name="web-2") == (Verdict.ALLOW, 210)
    assert (len(world.policy.asked), len(world.log.decisions)) == (asked, 3)
    assert world.metrics.cache["memory", "stale"] == 2
    world.memory.store.forget_repository(pinned(registry).repository)
    assert ask_for_pod(world, registry)[0] is Verdict.INDETERMINATE


def test_the_same_question_is_answered_anew_when_the_registry_is_well_again(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    ask_for_pod(world, registry)
    break_down(registry)
    clock.pass_time(201)
    assert ask_for_pod(world, registry) == (Verdict.ALLOW, 210)
    registry.faults.clear()
    world.memory.outages.note_answer(pinned(registry).repository.registry)
    assert ask_for_pod(world, registry) == (Verdict.ALLOW, 0)


def test_what_another_process_listed_meanwhile_is_given_without_asking_anybody(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    begin_outage(world, registry, clock)
    assert judge(world, pinned(registry)).stale_seconds
    registry.faults.clear()
    other = World(clock=clock, memory=Memory(store=world.memory.store), policy=world.policy)
    assert outcome(judge(other, pinned(registry))) == (Verdict.ALLOW, 0)
    clock.pass_time(1)
    registry.requests.clear()
    assert outcome(judge(world, pinned(registry))) == (Verdict.ALLOW, 0)
    assert registry.requests == []


def test_an_image_that_nobody_knows_is_judged_although_its_registry_is_in_trouble(
    world: World, registry: FakeRegistry, clock: MovingClock
) -> None:
    publish(registry, "new", GOOD)
    begin_outage(world, registry, clock)
    assert judge(world, pinned(registry)).stale_seconds
    assert outcome(judge(world, registry.reference("new", digest=IMAGE))) == (Verdict.ALLOW, 0)


class Unforgetting(MemoryStore):
    """A store that keeps what it was told to forget."""

    def forget(self, key: VerdictKey) -> None:
        raise Unavailable("cache_unavailable", f"{key.digest} stays", remedy="clear it")


def test_an_end_that_the_store_refuses_is_counted(registry: FakeRegistry, clock: MovingClock) -> None:
    world = World(clock=clock, memory=Memory(store=Unforgetting()))
    world.policy.policy = BOUNDED
    judge(world, pinned(registry))
    clock.pass_time(61)
    for status in (403, 503):
        break_down(registry, Fault(status=status))
        assert judge(world, pinned(registry)).verdict.verdict is not Verdict.ALLOW
    assert world.metrics.cache["store", "failure"] == 1
