"""Immutable tags at admission: a tag that stands for something else is denied, whatever else is said of the image."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from assay.domain.admission import AdmissionAnswer
from assay.domain.artefact import Artefact
from assay.domain.compressed import Compressed
from assay.domain.decision import Stage, StageVerdict, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.incident import IncidentKind
from assay.domain.kept_verdict import JudgedFacts
from assay.domain.provider import ProviderQuestion, Purpose
from assay.domain.reference import Reference
from assay.usecases.admit import admit
from assay.usecases.hold_tags import hold_tags
from assay.usecases.judge import Judged
from assay.usecases.provide import ProviderScope, provide
from assay.usecases.tag_guard import TagGuard
from assay.verification.tag_rule import TagRule
from assay.verification.text_pattern import TextPattern
from tests.fakes.engine import World, good_bundles, publish
from tests.fakes.oci import image, put_image
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority
from tests.fakes.tag_book import MemoryTagBook
from tests.unit.usecases.test_admit import SCOPE, question

IMAGE, OTHER = Digest.of(image()), Digest.of(b"what the tag stood for before")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        publish(fake, "app", good_bundles(FakeAuthority(), IMAGE))
        yield fake


@pytest.fixture
def book() -> MemoryTagBook:
    return MemoryTagBook()


@pytest.fixture
def world(registry: FakeRegistry, book: MemoryTagBook) -> World:
    rule = TagRule(repository=TextPattern(glob=f"{registry.host}/*"), tags=(TextPattern(glob="v*"),))
    return World(tags=TagGuard(rules=(rule,), book=book))


def ask(world: World, reference: Reference, *, dry_run: bool = False, unchanged: bool = False) -> AdmissionAnswer:
    asked = replace(question(reference), dry_run=dry_run, images_unchanged=unchanged)
    return admit(world.engine(), asked, SCOPE, world.deadline())


def code(answer: AdmissionAnswer) -> str:
    assert answer.verdict is not Verdict.ALLOW
    return answer.images[0].code


def move(book: MemoryTagBook, registry: FakeRegistry) -> Reference:
    """A tag whose first digest was another one than the registry has now."""
    reference = registry.reference("app", tag="v1")
    book.allowed[reference.repository, "v1"] = [OTHER]
    return reference


def test_the_first_digest_is_remembered_and_allowed_again(
    world: World, book: MemoryTagBook, registry: FakeRegistry
) -> None:
    reference = registry.reference("app", tag="v1")
    assert ask(world, reference).verdict is Verdict.ALLOW
    assert book.allowed == {(reference.repository, "v1"): [IMAGE]}
    asked = book.asked
    assert [ask(world, reference).verdict, ask(world, reference.pinned(IMAGE)).verdict] == [Verdict.ALLOW] * 2
    assert book.asked == asked


def test_the_first_digest_claims_its_tag_although_its_image_is_denied(
    world: World, book: MemoryTagBook, registry: FakeRegistry
) -> None:
    publish(registry, "bare", {})
    reference = registry.reference("bare", tag="v1")
    answer = ask(world, reference)
    assert answer.verdict is not Verdict.ALLOW
    assert "tag_moved" not in {finding.code for finding in answer.findings}
    assert book.allowed == {(reference.repository, "v1"): [IMAGE]}


def test_a_tag_that_moved_is_a_recorded_denial_and_an_incident(
    world: World, book: MemoryTagBook, registry: FakeRegistry
) -> None:
    answer = ask(world, move(book, registry))
    assert (code(answer), answer.verdict, answer.retryable) == ("tag_moved", Verdict.DENY, False)
    assert "tag_moved" in {finding.code for finding in world.log.decisions[0].findings if finding.blocks}
    (incident,) = book.happened
    assert (incident.kind, incident.known, incident.found) == (IncidentKind.MOVED, OTHER, IMAGE)


def test_the_new_digest_is_denied_under_the_tag_and_judged_as_usual_without_it(
    world: World, book: MemoryTagBook, registry: FakeRegistry
) -> None:
    reference = move(book, registry)
    assert code(ask(world, reference.pinned(IMAGE))) == "tag_moved"
    assert book.happened == []
    assert ask(world, registry.reference("app", digest=IMAGE)).verdict is Verdict.ALLOW
    assert ask(world, replace(reference.pinned(IMAGE), tag="latest")).verdict is Verdict.ALLOW


@pytest.mark.parametrize("first", [OTHER, IMAGE])
def test_a_digest_that_was_allowed_before_its_tag_was_seen_is_held_like_any_other(
    world: World, book: MemoryTagBook, registry: FakeRegistry, first: Digest
) -> None:
    reference = registry.reference("app", tag="v1").pinned(IMAGE)
    for _ in range(2):
        assert ask(world, reference).verdict is Verdict.ALLOW
    book.allowed[reference.repository, "v1"] = [first]
    assert (ask(world, reference).verdict is Verdict.ALLOW) is (first == IMAGE)


def test_a_move_that_was_accepted_is_allowed_at_once(world: World, book: MemoryTagBook, registry: FakeRegistry) -> None:
    reference = move(book, registry)
    assert code(ask(world, reference)) == "tag_moved"
    book.accept(reference.pinned(IMAGE), by="alice", reason="rebuilt", at=world.clock.now())
    assert [ask(world, reference).verdict, ask(world, reference.pinned(IMAGE)).verdict] == [Verdict.ALLOW] * 2


def test_a_tag_that_no_rule_covers_may_move(world: World, book: MemoryTagBook, registry: FakeRegistry) -> None:
    put_image(registry, "app", tag="latest")
    reference = registry.reference("app", tag="latest")
    book.allowed[reference.repository, "latest"] = [OTHER]
    assert ask(world, reference).verdict is Verdict.ALLOW
    assert book.asked == 0


def test_a_tag_beside_a_digest_says_nothing_about_the_registry(
    world: World, book: MemoryTagBook, registry: FakeRegistry
) -> None:
    assert ask(world, registry.reference("app", tag="v1").pinned(IMAGE)).verdict is Verdict.ALLOW
    assert (book.allowed, book.happened) == ({}, [])


def test_a_dry_run_gets_the_same_answer_and_leaves_nothing(
    world: World, book: MemoryTagBook, registry: FakeRegistry
) -> None:
    assert ask(world, registry.reference("app", tag="v1"), dry_run=True).verdict is Verdict.ALLOW
    assert book.allowed == {}
    assert code(ask(world, move(book, registry), dry_run=True)) == "tag_moved"
    assert book.happened == []


def test_what_runs_already_is_left_alone(world: World, book: MemoryTagBook, registry: FakeRegistry) -> None:
    assert ask(world, move(book, registry).pinned(IMAGE), unchanged=True).verdict is Verdict.ALLOW
    assert book.asked == 0


def test_a_book_that_cannot_be_read_denies_and_may_be_asked_again(
    world: World, book: MemoryTagBook, registry: FakeRegistry
) -> None:
    book.error = Unavailable("tags_unavailable", "no book", remedy="look")
    answer = ask(world, registry.reference("app", tag="v1"))
    assert (code(answer), answer.verdict, answer.retryable) == ("tags_unavailable", Verdict.INDETERMINATE, True)
    book.error = None
    assert ask(world, registry.reference("app", tag="v1")).verdict is Verdict.ALLOW


def test_an_image_that_is_denied_anyway_is_denied_for_both_reasons(
    world: World, book: MemoryTagBook, registry: FakeRegistry
) -> None:
    publish(registry, "bare", {})
    reference = registry.reference("bare", tag="v1")
    before = ask(World(), reference)
    assert before.verdict is not Verdict.ALLOW
    book.allowed[reference.repository, "v1"] = [OTHER]
    findings = {finding.code for finding in ask(world, reference).findings}
    assert {"tag_moved", *(finding.code for finding in before.findings)} <= findings


def test_an_allow_that_is_given_again_while_the_registry_is_down_is_held_like_any_other(
    world: World, book: MemoryTagBook, registry: FakeRegistry
) -> None:
    reference = move(book, registry).pinned(IMAGE)
    artefact = Artefact(repository=reference.repository, digest=IMAGE, tag="v1")
    verdict = StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.ALLOW)
    stale = Judged(
        reference=reference,
        artefact=artefact,
        verdict=verdict,
        facts=JudgedFacts(documents=(Compressed.of(b"{}"),)),
        stale_seconds=9,
    )
    (held,) = hold_tags(world.engine(), [stale], dry_run=False)
    assert (held.verdict.verdict, held.stale_seconds) == (Verdict.DENY, 0)
    elsewhere = replace(stale, artefact=replace(artefact, tag="latest"))
    assert hold_tags(world.engine(), [elsewhere], dry_run=False) == [elsewhere]


def test_gatekeeper_is_told_of_a_moved_tag_too(world: World, book: MemoryTagBook, registry: FakeRegistry) -> None:
    reference = move(book, registry)
    asked = ProviderQuestion(references=(reference,), purpose=Purpose.VALIDATE, client="gatekeeper")
    scope = ProviderScope(tenant=SCOPE.tenant, environment=SCOPE.environment)
    (answer,) = provide(world.engine(), asked, scope, world.deadline())
    assert isinstance(answer, AdmissionAnswer)
    assert code(answer) == "tag_moved"
