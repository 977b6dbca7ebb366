"""What a notification makes us do."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from assay.domain.artefact import Artefact
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.mirror import MirrorNames
from assay.domain.notification import Action, Delivery, RegistryEvent
from assay.domain.recent import Recent
from assay.domain.reference import Repository
from assay.domain.seen_image import Sighting
from assay.usecases.memory import Memory
from assay.usecases.tag_guard import TagGuard
from assay.usecases.take_delivery import DeliveryDesk
from assay.usecases.waiting_images import WaitingImages
from assay.verification.tag_rule import TagRule
from assay.verification.text_pattern import TextPattern
from tests.fakes.engine import World
from tests.fakes.tag_book import MemoryTagBook
from tests.fakes.verdict_store import MemoryStore

APP, OTHER = (Repository(registry="registry.example", path=path) for path in ("app", "other"))
PUSH = RegistryEvent(action=Action.PUSH, repository=APP, tag="v1", digest=Digest.of(b"image"))
MIRRORS = MirrorNames(origins=(("mirror.example/hub", "registry.example"),))


@dataclass
class Desk:
    """What a delivery changes: the store of verdicts and the book of tags."""

    store: MemoryStore = field(default_factory=MemoryStore)
    book: MemoryTagBook = field(default_factory=MemoryTagBook)
    waiting: WaitingImages = field(default_factory=lambda: WaitingImages(most=100))
    pushed: Recent[Repository, tuple[Artefact, ...]] = field(
        default_factory=lambda: Recent(entries=8, octets=8, size_of=lambda _: 1)
    )

    def take(self, *events: RegistryEvent, ignored: int = 0) -> None:
        rule = TagRule(repository=TextPattern(glob="registry.example/app"), tags=(TextPattern(glob="v*"),))
        world = World(memory=Memory(store=self.store), tags=TagGuard(rules=(rule,), book=self.book))
        engine = replace(world.engine(), mirrors=MIRRORS)
        desk = DeliveryDesk(engine=engine, prewarmer=self.waiting, pushed=self.pushed)
        desk.take(Delivery(events=events, ignored=ignored))

    def offered(self) -> list[str]:
        """The images that were offered since this was asked last."""
        images = iter(self.waiting.take, None)
        return [str(image.artefact.reference) for image in images if image.why is Sighting.NOTIFICATION]


def test_every_repository_is_forgotten_once() -> None:
    desk = Desk()
    elsewhere = RegistryEvent(action=Action.DELETE, repository=OTHER)
    desk.take(PUSH, replace(PUSH, tag="latest"), elsewhere)
    assert desk.store.forgotten == [APP, OTHER]


def test_a_delivery_about_nothing_changes_nothing() -> None:
    desk = Desk()
    desk.take(ignored=3)
    assert (desk.store.forgotten, desk.book.asked) == ([], 0)


def test_what_lies_in_a_mirror_is_known_under_its_origin() -> None:
    desk = Desk()
    desk.take(replace(PUSH, repository=Repository(registry="mirror.example", path="hub/app")))
    assert desk.store.forgotten == [APP]
    assert desk.book.allowed == {(APP, "v1"): [PUSH.digest]}


def test_a_push_that_moves_an_immutable_tag_is_an_incident_also_when_it_is_told_twice() -> None:
    desk = Desk()
    moved = replace(PUSH, digest=Digest.of(b"another image"), at=datetime(2026, 11, 21, tzinfo=UTC))
    for event in (PUSH, PUSH, moved, moved, PUSH):
        desk.take(event)
    (incident,) = desk.book.happened
    assert (incident.found, incident.by, incident.pushed) == (moved.digest, "notification", moved.at)
    assert desk.book.allowed == {(APP, "v1"): [PUSH.digest]}


@pytest.mark.parametrize(
    "event",
    [
        replace(PUSH, tag="latest"),
        replace(PUSH, tag=""),
        replace(PUSH, repository=OTHER),
        replace(PUSH, action=Action.DELETE),
    ],
)
def test_only_a_push_of_a_tag_that_a_rule_covers_is_seen(event: RegistryEvent) -> None:
    desk = Desk()
    desk.take(event)
    assert (desk.book.asked, desk.store.forgotten) == (0, [event.repository])


def test_without_rules_and_a_prewarmer_it_is_forgotten_alone() -> None:
    world = World(memory=Memory(store=MemoryStore()))
    DeliveryDesk(engine=world.engine(), prewarmer=None).take(Delivery(events=(PUSH,)))
    assert isinstance(world.memory.store, MemoryStore)
    assert world.memory.store.forgotten == [APP]


def test_an_image_that_was_pushed_is_offered_to_the_prewarmer() -> None:
    desk = Desk()
    desk.take(PUSH)
    assert desk.offered() == [f"registry.example/app:v1@{PUSH.digest}"]


def test_an_image_is_offered_again_when_something_without_a_tag_comes_beside_it() -> None:
    desk = Desk()
    desk.take(PUSH)
    desk.offered()
    desk.take(replace(PUSH, tag="", digest=Digest.of(b"signature")))
    assert desk.offered() == [f"registry.example/app:v1@{PUSH.digest}"]
    desk.take(replace(PUSH, tag=f"sha256-{'0' * 64}.sig", digest=Digest.of(b"signature")))
    assert desk.offered() == [f"registry.example/app:v1@{PUSH.digest}"]


def test_the_last_images_of_a_repository_are_offered_each_tag_once() -> None:
    desk = Desk()
    for number in (1, 2, 3, 4, 5, 5):
        desk.take(replace(PUSH, tag=f"r{number}", digest=Digest.of(bytes([number]))))
    desk.offered()
    desk.take(RegistryEvent(action=Action.DELETE, repository=APP))
    assert [name.partition("@")[0].rpartition(":")[2] for name in desk.offered()] == ["r5", "r4", "r3", "r2"]


@pytest.mark.parametrize("code", ["cache_unavailable", "tags_unavailable"])
def test_a_delivery_that_could_not_be_taken_is_to_be_repeated(code: str) -> None:
    desk = Desk()
    broken: MemoryStore | MemoryTagBook = desk.store if code == "cache_unavailable" else desk.book
    broken.error = Unavailable(code, "no", remedy="repeat")
    with pytest.raises(Unavailable) as caught:
        desk.take(PUSH)
    assert (caught.value.code, desk.store.forgotten) == (code, [])
    broken.error = None
    desk.take(PUSH)
    assert desk.store.forgotten == [APP]
