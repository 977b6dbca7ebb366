"""What registries tell about themselves."""

from datetime import datetime

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.notification import Action, NotificationSource, RegistryEvent, SourceKind
from assay.domain.reference import Repository

APP = Repository(registry="registry.example", path="team/app")


def source(*prefixes: str, registry: str = "registry.example") -> NotificationSource:
    return NotificationSource(name="main", kind=SourceKind.HARBOR, registry=registry, prefixes=prefixes)


@pytest.mark.parametrize(
    ("prefixes", "covered"),
    [((), True), (("team",), True), (("team/app",), True), (("tea",), False), (("other", "team"), True)],
)
def test_a_source_speaks_of_what_lies_below_its_prefixes(prefixes: tuple[str, ...], covered: bool) -> None:  # noqa: FBT001
    assert source(*prefixes).covers(APP) is covered


def test_a_source_speaks_of_its_own_registry_alone() -> None:
    assert not source(registry="other.example").covers(APP)


@pytest.mark.parametrize(("registry", "prefix"), [("Registry.example", "team"), ("registry.example", "/team")])
def test_a_source_names_what_could_exist(registry: str, prefix: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        source(prefix, registry=registry)
    assert caught.value.code == "reference_malformed"
    assert source("team")


def test_an_event_is_about_something() -> None:
    digest = Digest.of(b"image")
    with pytest.raises(ValueError, match="digest"):
        RegistryEvent(action=Action.PUSH, repository=APP, tag="v1")
    with pytest.raises(ValueError, match="zone"):
        RegistryEvent(action=Action.PUSH, repository=APP, digest=digest, at=datetime(2026, 11, 20))  # noqa: DTZ001
    with pytest.raises(InvalidInput) as caught:
        RegistryEvent(action=Action.DELETE, repository=APP, tag="a b")
    assert caught.value.code == "reference_malformed"
    assert RegistryEvent(action=Action.PUSH, repository=APP, tag="v1", digest=digest)
