"""What is kept says what would be said anew: equal keys have equal documents, and no fault makes an allow."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.domain.admission import AdmissionQuestion
from assay.domain.artefact import Artefact
from assay.domain.compressed import Compressed
from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.gate import FromRegistry, GateQuestion
from assay.domain.kept_verdict import KeptVerdict
from assay.domain.reference import Reference, Repository
from assay.formats.kept_verdict import parse_kept_verdict, render_kept_verdict
from assay.usecases.admit import AdmissionScope, admit
from assay.usecases.engine import Scope, Source
from assay.usecases.gate import ask_gate
from assay.usecases.judge_all import judge_all
from assay.usecases.memory import Memory
from tests.fakes.clock import MovingClock
from tests.fakes.engine import CALLER, LOADED, Rules, World, good_bundles
from tests.fakes.kept_verdict import KEY, kept_verdict
from tests.fakes.memory_registry import MemoryRegistry
from tests.fakes.oci import image, put_bundle, put_image
from tests.fakes.policy import ENVIRONMENT, NOW, TENANT
from tests.fakes.signing import FakeAuthority
from tests.fakes.verdict_store import MemoryStore

IMAGE = Digest.of(image())
REPOSITORIES = [Repository.parse(f"registry.example/{path}") for path in ("app", "other")]
ALL = frozenset({"signature", "provenance", "sbom"})
EVIDENCE: st.SearchStrategy[frozenset[str]] = st.frozensets(st.sampled_from(sorted(ALL)))
DATED = replace(LOADED.rules["licence.denied"], effective_on=NOW + timedelta(seconds=100))
POLICY = replace(LOADED, rules={**LOADED.rules, DATED.code: DATED})


@cache
def bundles() -> dict[str, bytes]:
    return good_bundles(FakeAuthority(), IMAGE)


def registry(evidence: frozenset[str]) -> MemoryRegistry:
    fake = MemoryRegistry()
    put_image(fake, "app")
    for name in sorted(evidence):
        put_bundle(fake, "app", image(), bundles()[name])
    return fake


@dataclass(frozen=True, kw_only=True)
class Asking:
    """One way to ask for the image, at one time."""

    repository: Repository
    tag: str
    pinned: bool
    kind: DecisionKind
    environment: str
    seconds: int
    evidence: frozenset[str]

    def found(self) -> Iterator[KeptVerdict]:
        """What a process that remembers nothing keeps of this."""
        store, fake = MemoryStore(), registry(self.evidence)
        clock = MovingClock(wall=NOW + timedelta(seconds=self.seconds))
        world = World(registry=fake, clock=clock, memory=Memory(store=store), policy=Rules(policy=POLICY))
        reference = Reference(
            repository=self.repository, tag=self.tag, digest=IMAGE if self.pinned or not self.tag else None
        )
        scope = Scope(kind=self.kind, tenant=TENANT, environment=self.environment)
        judge_all(world.engine(), Source(registry=fake), [reference], scope, world.deadline())
        yield from store.kept.values()


ASKINGS = st.builds(
    Asking,
    repository=st.sampled_from(REPOSITORIES),
    tag=st.sampled_from(["v1", ""]),
    pinned=st.booleans(),
    kind=st.sampled_from([DecisionKind.GATE, DecisionKind.ADMISSION]),
    environment=st.just(ENVIRONMENT),
    seconds=st.integers(0, 200),
    evidence=st.sampled_from([ALL, frozenset({"signature"})]),
)


@given(st.lists(ASKINGS, min_size=2, max_size=5))
def test_equal_keys_and_equal_evidence_have_equal_documents(askings: list[Asking]) -> None:
    known: dict[object, tuple[Compressed, ...]] = {}
    for asking in askings:
        (kept,) = asking.found()
        documents = known.setdefault((kept.key, kept.found.facts.evidence), kept.found.facts.documents)
        assert kept.found.facts.documents == documents
    assert len(known) == len({(item.repository, item.seconds >= 100, item.evidence) for item in askings})


OTHER_ALLOW = kept_verdict(key=replace(KEY, repository=REPOSITORIES[1], digest=IMAGE))
DOWN = Unavailable("policy_engine_unavailable", "down", remedy="start it")
FAULTS = ["none", "registry", "engine", "nonsense", "store", "garbage", "log"]


@dataclass
class Life:
    """A process and its world over time; `complete` are the seconds in which the registry had all the evidence."""

    world: World
    fake: MemoryRegistry = field(default_factory=lambda: registry(ALL))
    evidence: frozenset[str] = ALL
    broken: str = "none"
    last_complete: float | None = None

    def note(self) -> None:
        if self.evidence == ALL:
            self.last_complete = self.world.clock.seconds

    def change(self, evidence: frozenset[str]) -> None:
        self.note()
        self.evidence, fresh = evidence, registry(evidence)
        self.fake.blobs, self.fake.manifests, self.fake.tags = fresh.blobs, fresh.manifests, fresh.tags
        self.note()

    def break_down(self, fault: str) -> None:
        store, self.broken = self.world.memory.store, fault
        assert isinstance(store, MemoryStore)
        self.fake.failing = {IMAGE} if fault == "registry" else set()
        nonsense = InvalidInput("policy_result_invalid", "nonsense", remedy="correct it")
        self.world.policy.error = {"engine": DOWN, "nonsense": nonsense}.get(fault)
        store.error = Unavailable("cache_unavailable", "down", remedy="clear it") if fault == "store" else None
        store.answer = (lambda _: OTHER_ALLOW) if fault == "garbage" else (lambda kept: kept)
        self.world.log.error = Unavailable("log_unavailable", "down", remedy="start it") if fault == "log" else None

    def pass_time(self, seconds: int) -> None:
        self.note()
        assert isinstance(self.world.clock, MovingClock)
        self.world.clock.pass_time(seconds)
        self.note()

    def admit(self, *, by_tag: bool) -> Verdict | None:
        reference = Reference(repository=REPOSITORIES[0], tag="v1", digest=None if by_tag else IMAGE)
        question = AdmissionQuestion(
            uid="uid",
            operation="CREATE",
            namespace="shop",
            kind="Pod",
            name="web",
            user="alice",
            service_account="",
            dry_run=False,
            labels=(),
            references=(reference,),
        )
        scope = AdmissionScope(tenant=TENANT, environment=ENVIRONMENT, caller="test")
        return self._answer(lambda: admit(self.world.engine(), question, scope, self.world.deadline()).verdict)

    def publish(self) -> Verdict | None:
        artefact = Artefact(repository=REPOSITORIES[0], digest=IMAGE)
        question = GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=FromRegistry())
        return self._answer(lambda: ask_gate(self.world.engine(), question, CALLER, self.world.deadline()).verdict)

    @staticmethod
    def _answer(ask: Callable[[], Verdict]) -> Verdict | None:
        try:
            return ask()
        except AssayError:
            return None


STEPS = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 90)),
    st.tuples(st.just("evidence"), EVIDENCE | st.just(ALL)),
    st.tuples(st.just("fault"), st.sampled_from(FAULTS)),
    st.tuples(st.just("admit"), st.booleans()),
    st.tuples(st.just("publish"), st.none()),
)


def _take(life: Life, step: tuple[str, object]) -> None:
    match step:
        case ("pass", int(seconds)):
            life.pass_time(seconds)
        case ("evidence", frozenset() as evidence):
            life.change(evidence)
        case ("fault", str(fault)):
            life.break_down(fault)
        case ("admit", bool(by_tag)):
            _check(life, life.admit(by_tag=by_tag), seconds=60)
        case _:
            _check(life, life.publish(), seconds=0)


def _check(life: Life, verdict: Verdict | None, *, seconds: int) -> None:
    """An allow had all its evidence when it was looked for last, and the log was up; a gate reads its registry."""
    life.note()
    if verdict is not Verdict.ALLOW:
        return
    assert life.last_complete is not None
    assert life.world.clock.seconds - life.last_complete < max(seconds, 1)
    assert life.broken != "log"
    assert seconds or life.broken != "registry"


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=12))
def test_no_fault_and_no_memory_allows_what_lacked_its_evidence(steps: list[tuple[str, object]]) -> None:
    life = Life(world=World(clock=MovingClock(wall=NOW)))
    life.world.registry = life.fake
    for step in steps:
        _take(life, step)
    life.break_down("none")
    life.change(ALL)
    life.pass_time(16)
    assert (life.admit(by_tag=True), life.publish()) == (Verdict.ALLOW, Verdict.ALLOW)


@given(st.binary(max_size=200), st.integers(0), st.integers(0, 255))
def test_what_is_kept_is_read_whole_or_refused(junk: bytes, place: int, octet: int) -> None:
    good = render_kept_verdict(kept_verdict())
    place %= len(good)
    for octets in (junk, good[:place], good + junk, good[:place] + bytes([octet]) + good[place + 1 :]):
        kept = _parsed(octets)
        assert kept is None or render_kept_verdict(kept) == octets


def _parsed(octets: bytes) -> KeptVerdict | None:
    """The verdict, None for what is refused with its code; any other error fails the test."""
    try:
        return parse_kept_verdict(octets)
    except InvalidInput as error:
        if error.code != "verdict_malformed":
            raise
        return None
