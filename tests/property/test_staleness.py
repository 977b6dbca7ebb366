"""A stale allow is only ever given inside the bound, under the same key, and never after something else was found."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.reference import Reference, Repository
from assay.usecases.engine import Scope, Source
from assay.usecases.judge import Judged
from assay.usecases.judge_all import judge_all
from assay.usecases.memory import Memory
from tests.fakes.clock import MovingClock
from tests.fakes.engine import LOADED, Rules, World, good_bundles
from tests.fakes.immediate_flights import ImmediateFlights
from tests.fakes.memory_registry import MemoryRegistry
from tests.fakes.oci import image, put_bundle, put_image
from tests.fakes.policy import ENVIRONMENT, NOW, TENANT
from tests.fakes.signing import FakeAuthority
from tests.fakes.verdict_store import MemoryStore

IMAGE = Digest.of(image())
BUNDLES = good_bundles(FakeAuthority(), IMAGE)
REPOSITORY = Repository.parse("registry.example/app")
SCOPE = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)


def shelf(*, complete: bool) -> MemoryRegistry:
    fake = MemoryRegistry()
    put_image(fake, "app")
    for bundle in BUNDLES.values() if complete else ():
        put_bundle(fake, "app", image(), bundle)
    return fake


SHELVES = {complete: shelf(complete=complete) for complete in (True, False)}


@dataclass
class Life:
    """A process over time.

    `whole` is the last second in which the registry had all the evidence and could be asked; `allowed` are the rule
    data under which it was asked then, and said nothing else when it was asked since.
    """

    bound: int
    world: World = field(
        default_factory=lambda: World(
            clock=MovingClock(wall=NOW), memory=Memory(store=MemoryStore(), flights=ImmediateFlights()), policy=Rules()
        )
    )
    complete: bool = True
    up: bool = True
    rule_data: int = 0
    whole: float = 0
    allowed: set[int] = field(default_factory=set)

    def ask(self) -> Judged:
        demands = {(TENANT, ENVIRONMENT): timedelta(seconds=self.bound)} if self.bound else {}
        identity = Digest.of(str(self.rule_data).encode())
        self.world.policy.policy = replace(LOADED, stale_listing=demands, rule_data=identity)
        fake = replace(SHELVES[self.complete], failing=set() if self.up else {IMAGE})
        self.world.registry = fake
        reference = Reference(repository=REPOSITORY, digest=IMAGE)
        (judged,) = judge_all(self.world.engine(), Source(registry=fake), [reference], SCOPE, self.world.deadline(3000))
        return judged

    def note(self) -> None:
        if self.up and self.complete:
            self.whole = self.world.clock.seconds

    def check(self) -> None:
        """Ask, and hold what is answered against what can be known."""
        self.note()
        judged, age = self.ask(), self.world.clock.seconds - self.whole
        if judged.stale_seconds:
            assert 60 <= judged.stale_seconds < self.bound + 10
        if judged.verdict.verdict is not Verdict.ALLOW:
            assert not judged.stale_seconds
            if self.up:
                self.allowed.discard(self.rule_data)
            return
        assert age <= max(self.bound, 60)
        if self.up and self.complete:
            self.allowed.add(self.rule_data)
        assert self.rule_data in self.allowed

    def take(self, name: str, value: int) -> None:
        self.note()
        assert isinstance(self.world.clock, MovingClock)
        match name:
            case "pass":
                self.world.clock.pass_time(value)
            case "up":
                self.up = bool(value)
            case "complete":
                self.complete = bool(value)
            case _:
                self.rule_data = value


STEPS = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 400)),
    st.tuples(st.sampled_from(["up", "complete", "policy"]), st.integers(0, 1)),
)


@settings(max_examples=60)
@given(st.sampled_from([0, 30, 300, 600]), st.lists(STEPS, max_size=16))
def test_a_stale_allow_is_only_given_inside_the_bound_under_the_same_key(
    bound: int, steps: list[tuple[str, int]]
) -> None:
    life = Life(bound=bound)
    for name, value in steps:
        life.take(name, value)
        life.check()


@given(st.integers(60, 3600), st.integers(1, 3600))
def test_an_allow_is_given_while_its_registry_is_down_exactly_to_the_bound(age: int, bound: int) -> None:
    life = Life(bound=bound)
    life.check()
    life.take("up", 0)
    life.take("pass", age)
    assert (life.ask().verdict.verdict is Verdict.ALLOW) is (age <= bound)
