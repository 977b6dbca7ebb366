"""Images are verified before anybody asks, stay warm while somebody sees them, and cost nobody a decision."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from assay.domain.artefact import Artefact
from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.seen_image import SeenImage, Sighting
from assay.usecases.engine import Scope, Source
from assay.usecases.judge import Judged
from assay.usecases.judge_all import judge_all
from assay.usecases.memory import Memory
from assay.usecases.prewarm import Prewarming
from assay.usecases.waiting_images import WaitingImages
from tests.fakes.clock import MovingClock
from tests.fakes.engine import World, good_bundles, publish
from tests.fakes.kept_verdict import kept_verdict
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT, NOW, TENANT
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority
from tests.fakes.verdict_store import MemoryStore

SCOPE = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)
IMAGE = Digest.of(image())
GOOD = good_bundles(FakeAuthority(), IMAGE)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        for path in ("app", "web", "shop"):
            publish(fake, path, GOOD)
        publish(fake, "bare", {})
        yield fake


@dataclass
class Installation:
    """A pre-warmer and a worker, two processes with one store and one clock."""

    clock: MovingClock = field(default_factory=lambda: MovingClock(wall=NOW))
    store: MemoryStore = field(default_factory=MemoryStore)
    most: int = 10
    unforeseen: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.worker, self.warmer = (World(clock=self.clock, memory=Memory(store=self.store)) for _ in range(2))
        self.waiting = WaitingImages(most=10)
        self.prewarming = Prewarming(
            engine=self.warmer.engine(),
            metrics=self.warmer.metrics,
            waiting=self.waiting,
            scopes=[(TENANT, ENVIRONMENT)],
            most=self.most,
            tell=self.unforeseen.append,
        )

    def see(self, registry: FakeRegistry, path: str = "app", why: Sighting = Sighting.DECISION) -> None:
        artefact = Artefact(repository=registry.reference(path, digest=IMAGE).repository, digest=IMAGE, tag="v1")
        self.waiting.offer(SeenImage(artefact=artefact, why=why))

    def ask(self, registry: FakeRegistry, path: str = "app") -> Judged:
        engine = self.worker.engine()
        reference = registry.reference(path, digest=IMAGE)
        (judged,) = judge_all(engine, Source(registry=engine.registry), [reference], SCOPE, self.worker.deadline())
        return judged

    @property
    def outcomes(self) -> dict[tuple[str, str], int]:
        return dict(self.warmer.metrics.prewarms)


def test_a_review_right_after_makes_no_request_and_asks_no_policy(registry: FakeRegistry) -> None:
    both = Installation()
    both.see(registry)
    both.prewarming.turn()
    assert registry.requests
    registry.requests.clear()
    assert both.ask(registry).verdict.verdict is Verdict.ALLOW
    assert (registry.requests, both.worker.policy.asked, both.warmer.log.decisions) == ([], [], [])
    assert both.outcomes == {("decision", "allowed"): 1}


def test_a_listing_is_made_again_before_it_is_too_old(registry: FakeRegistry) -> None:
    both = Installation()
    both.see(registry)
    assert both.prewarming.turn() == 48
    for _ in range(20):
        both.clock.pass_time(48)
        both.prewarming.turn()
        registry.requests.clear()
        assert both.ask(registry).verdict.verdict is Verdict.ALLOW
        assert registry.requests == []
    assert both.worker.policy.asked == []


def test_what_a_worker_found_a_moment_ago_is_not_looked_at_again(registry: FakeRegistry) -> None:
    both = Installation()
    both.ask(registry)
    registry.requests.clear()
    both.clock.pass_time(10)
    both.see(registry)
    assert both.prewarming.turn() == 38
    assert (registry.requests, both.outcomes) == ([], {("decision", "fresh"): 1})


def test_a_push_is_looked_at_at_once(registry: FakeRegistry) -> None:
    both = Installation()
    both.see(registry)
    both.prewarming.turn()
    both.clock.pass_time(1)
    both.store.forget_repository(registry.reference("app", tag="v1").repository)
    both.see(registry, why=Sighting.NOTIFICATION)
    both.prewarming.turn()
    assert both.clock.now() in {kept.listed for kept in both.store.kept.values()}
    assert both.outcomes == {("decision", "allowed"): 1, ("notification", "allowed"): 1}


def test_after_a_push_every_image_of_the_repository_is_looked_at_again(registry: FakeRegistry) -> None:
    both = Installation()
    both.see(registry, "app")
    both.see(registry, "web")
    both.prewarming.turn()
    repository = registry.reference("app", tag="v1").repository
    both.store.forget_repository(repository)
    both.waiting.offer(
        SeenImage(artefact=Artefact(repository=repository, digest=Digest.of(b"other")), why=Sighting.NOTIFICATION)
    )
    both.prewarming.turn()
    assert both.outcomes == {("decision", "allowed"): 3, ("notification", "denied"): 1}
    registry.requests.clear()
    assert both.ask(registry).verdict.verdict is Verdict.ALLOW
    assert registry.requests == []


def test_a_denied_image_is_let_go_until_it_is_seen_again(registry: FakeRegistry) -> None:
    both = Installation()
    both.see(registry, "bare")
    both.prewarming.turn()
    both.clock.pass_time(600)
    assert both.prewarming.turn() > 10**6
    registry.faults[f"/v2/app/manifests/{IMAGE}"] = Fault(status=404)
    both.see(registry, "app")
    both.prewarming.turn()
    assert both.outcomes == {("decision", "denied"): 2}


def test_a_registry_that_is_down_gets_growing_pauses_and_comes_back(registry: FakeRegistry) -> None:
    both = Installation()
    registry.faults[f"/v2/app/manifests/{IMAGE}"] = Fault(status=503)
    registry.faults[f"/v2/web/referrers/{IMAGE}"] = Fault(status=503)
    both.see(registry)
    both.see(registry, "web")
    pauses = [both.prewarming.turn()]
    for _ in range(3):
        both.clock.pass_time(pauses[-1])
        pauses.append(both.prewarming.turn())
    assert pauses == [4, 16, 60, 60]
    registry.faults.clear()
    both.clock.pass_time(60)
    assert both.prewarming.turn() == 48
    assert both.outcomes == {("decision", "unavailable"): 8, ("decision", "allowed"): 2}


def test_an_image_that_only_pull_secrets_can_read_is_let_go_and_holds_up_nobody(registry: FakeRegistry) -> None:
    both = Installation()
    registry.faults[f"/v2/app/manifests/{IMAGE}"] = Fault(status=403)
    registry.faults[f"/v2/shop/referrers/{IMAGE}"] = Fault(status=403)
    for path in ("app", "shop", "web"):
        both.see(registry, path)
    assert [both.prewarming.turn(), both.prewarming.turn()] == [0, 48]
    assert both.outcomes == {("decision", "refused"): 2, ("decision", "allowed"): 1}


def test_one_registry_does_not_take_every_place(registry: FakeRegistry) -> None:
    both = Installation()
    for path in ("app", "web", "shop"):
        both.see(registry, path)
    assert both.prewarming.turn() == 0
    assert both.outcomes == {("decision", "allowed"): 2}
    both.prewarming.turn()
    assert both.outcomes == {("decision", "allowed"): 3}


def test_no_more_images_are_kept_warm_than_there_is_room_for(registry: FakeRegistry) -> None:
    both = Installation(most=1)
    both.see(registry, "app")
    both.see(registry, "web")
    both.prewarming.turn()
    assert {key.repository.path for key in both.store.kept} == {"web"}


def test_an_image_that_nobody_sees_for_a_day_is_let_go(registry: FakeRegistry) -> None:
    both = Installation()
    both.see(registry)
    both.prewarming.turn()
    both.clock.pass_time(24 * 3600 + 1)
    assert both.prewarming.turn() > 10**6


def test_an_image_for_one_tenant_is_verified_for_that_one(registry: FakeRegistry) -> None:
    both = Installation()
    both.prewarming.scopes = [(TENANT, ENVIRONMENT), ("team-b", "staging")]
    artefact = Artefact(repository=registry.reference("app", digest=IMAGE).repository, digest=IMAGE)
    both.waiting.offer(SeenImage(artefact=artefact, why=Sighting.REPLICA_SET, tenant=TENANT, environment=ENVIRONMENT))
    both.prewarming.turn()
    assert both.outcomes == {("replica_set", "allowed"): 1}
    both.see(registry)
    both.prewarming.turn()
    assert ("decision", "denied") in both.outcomes


def test_a_store_that_is_down_stops_nothing(registry: FakeRegistry) -> None:
    both = Installation()
    both.store.error = Unavailable("cache_unavailable", "down", remedy="clear it")
    both.see(registry, why=Sighting.NOTIFICATION)
    both.prewarming.turn()
    assert both.outcomes == {("notification", "allowed"): 1}
    assert both.warmer.metrics.cache["store", "failure"] >= 3


def test_a_verdict_under_another_key_is_not_taken_for_this_one(registry: FakeRegistry) -> None:
    both = Installation()
    both.store.answer = lambda _: kept_verdict(listed=NOW + timedelta(seconds=1), decided=NOW)
    both.see(registry)
    both.prewarming.turn()
    assert both.outcomes == {("decision", "allowed"): 1}


def test_an_unforeseen_error_is_counted_and_stops_nobody_else(registry: FakeRegistry) -> None:
    def break_up(_answer: object) -> object:
        raise RuntimeError("unforeseen")

    both = Installation()
    both.warmer.policy.answer = break_up
    both.see(registry)
    both.prewarming.turn()
    both.warmer.policy.answer = lambda answer: answer
    both.see(registry, "web")
    both.prewarming.turn()
    assert both.outcomes == {("decision", "internal"): 1, ("decision", "allowed"): 1}
    assert [str(error) for error in both.unforeseen] == ["unforeseen"]


def test_an_allow_of_a_short_life_is_made_again_before_it_ends(registry: FakeRegistry) -> None:
    both = Installation()
    both.prewarming.engine = replace(
        both.prewarming.engine, life=replace(both.prewarming.engine.life, allow=timedelta(seconds=20))
    )
    both.see(registry)
    assert both.prewarming.turn() == 16
