"""What a notification makes us do."""

from dataclasses import replace

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.mirror import MirrorNames
from assay.domain.notification import Action, Delivery, RegistryEvent
from assay.domain.reference import Repository
from assay.usecases.take_delivery import take_delivery
from tests.fakes.verdict_store import MemoryStore

APP, OTHER = (Repository(registry="registry.example", path=path) for path in ("app", "other"))
PUSH = RegistryEvent(action=Action.PUSH, repository=APP, tag="v1", digest=Digest.of(b"image"))
NO_MIRRORS = MirrorNames()


def test_every_repository_is_forgotten_once() -> None:
    store = MemoryStore()
    elsewhere = RegistryEvent(action=Action.DELETE, repository=OTHER)
    take_delivery(store, NO_MIRRORS, Delivery(events=(PUSH, replace(PUSH, tag="v2"), elsewhere)))
    assert store.forgotten == [APP, OTHER]


def test_a_delivery_about_nothing_forgets_nothing() -> None:
    store = MemoryStore()
    take_delivery(store, NO_MIRRORS, Delivery(ignored=3))
    assert store.forgotten == []


def test_what_lies_in_a_mirror_is_known_under_its_origin() -> None:
    store, mirrors = MemoryStore(), MirrorNames(origins=(("mirror.example/hub", "registry.example"),))
    pushed = replace(PUSH, repository=Repository(registry="mirror.example", path="hub/app"))
    take_delivery(store, mirrors, Delivery(events=(pushed,)))
    assert store.forgotten == [APP]


def test_a_delivery_that_could_not_be_taken_is_to_be_repeated() -> None:
    store = MemoryStore(error=Unavailable("cache_unavailable", "no", remedy="repeat"))
    with pytest.raises(Unavailable) as caught:
        take_delivery(store, NO_MIRRORS, Delivery(events=(PUSH,)))
    assert caught.value.code == "cache_unavailable"
    store.error = None
    take_delivery(store, NO_MIRRORS, Delivery(events=(PUSH,)))
    assert store.forgotten == [APP]
