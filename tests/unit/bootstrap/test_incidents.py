"""Immutable tags and their owners, as a configuration names them."""

from dataclasses import replace
from pathlib import Path

import pytest

from assay.bootstrap.composition import SystemComposition
from assay.bootstrap.incidents import open_incident_desk, open_tag_guard
from assay.bootstrap.installation import Installation
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, Unavailable
from assay.domain.incident import Incident, IncidentKind
from assay.domain.reference import Repository
from tests.fakes.clock import FrozenClock
from tests.fakes.http_server import Script, answering
from tests.fakes.loopback_certificate import write_loopback_certificate
from tests.unit.bootstrap.conftest import CONFIGURATION, WEBHOOK, Write

APP = Repository(registry="registry.example", path="app")
CLOCK = FrozenClock()
INCIDENT = Incident(
    kind=IncidentKind.MOVED,
    repository=APP,
    tag="v1",
    known=Digest.of(b"a"),
    found=Digest.of(b"b"),
    at=CLOCK.now(),
    by="admission",
)


def section(url: str = "https://hooks.example", ca: str = "") -> str:
    owner = f"name: platform, url: '{url}', secret: owner.secret{f', ca: {ca}' if ca else ''}"
    rules = (
        "{repository: registry.example/app, tags: [v*], owner: platform}, {repository: registry.example/*, tags: [v*]}"
    )
    return f"immutable_tags: {{rules: [{rules}], owners: [{{{owner}}}]}}\n"


@pytest.fixture
def installation(write: Write, tmp_path: Path) -> Installation:
    (tmp_path / "owner.secret").write_text("a secret that the owner knows")
    (tmp_path / "owner.secret").chmod(0o600)
    (tmp_path / "state").mkdir(mode=0o700)
    return Installation.load(write(CONFIGURATION + WEBHOOK + section()))


def test_without_the_section_nothing_is_held_and_nobody_told(write: Write) -> None:
    installation = Installation.load(write(CONFIGURATION + WEBHOOK))
    assert (open_tag_guard(installation), open_incident_desk(installation)) == (None, None)
    with pytest.raises(ConfigError) as caught:
        SystemComposition().tag_book(installation.file)
    assert caught.value.code == "immutable_tags_missing"


def test_the_commands_and_the_workers_have_one_book(installation: Installation) -> None:
    guard = open_tag_guard(installation)
    assert guard is not None
    assert guard.covers(Artefact(repository=APP, digest=INCIDENT.found, tag="v1"))
    assert list(SystemComposition().tag_book(installation.file).incidents()) == list(guard.book.incidents()) == []


def test_the_owner_is_that_of_the_first_rule_that_covers_a_tag(installation: Installation) -> None:
    desk = open_incident_desk(installation)
    assert desk is not None
    assert list(desk.scopes) == [("demo", "prod")]
    assert desk.find_owner(INCIDENT) is not None
    other = replace(INCIDENT, repository=Repository(registry="registry.example", path="other"))
    assert (desk.find_owner(other), desk.find_owner(replace(INCIDENT, tag="latest"))) == (None, None)


def test_an_owner_with_a_private_certificate_is_told(installation: Installation, write: Write, tmp_path: Path) -> None:
    certificate = write_loopback_certificate(tmp_path)
    with answering(Script(status=204, body=b""), certificate=certificate) as script:
        for ca, heard in ((str(certificate[0]), True), ("", False)):
            desk = open_incident_desk(Installation.load(write(CONFIGURATION + WEBHOOK + section(script.url, ca))))
            assert desk is not None
            owner = desk.find_owner(INCIDENT)
            assert owner is not None
            if heard:
                owner.tell(INCIDENT, Deadline.after(30, CLOCK.monotonic))
                continue
            with pytest.raises(Unavailable) as caught:
                owner.tell(INCIDENT, Deadline.after(30, CLOCK.monotonic))
            assert caught.value.code == "owner_unavailable"
        assert len(script.seen) == 1


def test_an_owner_without_a_secret_is_found_out_at_the_start(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "owner.secret").unlink()
    with pytest.raises(ConfigError) as caught:
        open_incident_desk(installation)
    assert caught.value.code == "secret_unusable"
