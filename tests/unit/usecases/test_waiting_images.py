"""Images that wait to be verified: a bounded line without doubles."""

from dataclasses import replace

from assay.domain.artefact import Artefact
from assay.domain.digest import Digest
from assay.domain.reference import Repository
from assay.domain.seen_image import SeenImage, Sighting
from assay.usecases.waiting_images import WaitingImages


def seen(name: str) -> SeenImage:
    repository = Repository(registry="registry.example", path="shop/api")
    artefact = Artefact(repository=repository, digest=Digest.of(name.encode()))
    return SeenImage(artefact=artefact, why=Sighting.NOTIFICATION)


def test_what_was_offered_first_is_taken_first() -> None:
    waiting = WaitingImages(most=3)
    assert all(waiting.offer(seen(name)) for name in "abc")
    assert [waiting.take() for _ in range(4)] == [seen("a"), seen("b"), seen("c"), None]


def test_an_image_that_waits_already_is_not_put_in_line_again() -> None:
    waiting = WaitingImages(most=1)
    assert waiting.offer(seen("a"))
    assert waiting.offer(replace(seen("a"), why=Sighting.REPLICA_SET))
    assert (len(waiting), waiting.take(), waiting.take()) == (1, seen("a"), None)


def test_the_same_image_for_another_tenant_is_another_one() -> None:
    waiting = WaitingImages(most=2)
    assert waiting.offer(seen("a"))
    assert waiting.offer(replace(seen("a"), tenant="shop", environment="production"))
    assert len(waiting) == 2


def test_what_finds_no_room_is_not_taken_until_there_is_some() -> None:
    waiting = WaitingImages(most=1)
    assert waiting.offer(seen("a"))
    assert not waiting.offer(seen("b"))
    waiting.take()
    assert waiting.offer(seen("b"))
