"""`assay incidents`: what is shown and accepted."""

from dataclasses import replace

from assay.domain.digest import Digest
from assay.domain.incident import TagSighting, Witness
from assay.domain.reference import Repository
from tests.fakes.clock import FrozenClock
from tests.unit.cli.conftest import CommandLine

APP = Repository(registry="registry.example", path="app")
KNOWN, FOUND = Digest.of(b"known"), Digest.of(b"found")
SEEN = TagSighting(repository=APP, tag="v1", digest=KNOWN, witness=Witness.ADMISSION, at=FrozenClock().now())
IMAGE = f"registry.example/app:v1@{FOUND}"
ACCEPT = ("incidents", "accept", "--config", __file__, "--by", "alice", "--reason", "rebuilt")


def move(assay: CommandLine) -> None:
    assay.parts.tags.see(SEEN)
    assay.parts.tags.see(replace(SEEN, digest=FOUND, witness=Witness.NOTIFICATION))


def test_without_incidents_it_says_so(assay: CommandLine) -> None:
    outcome = assay.run("incidents", "show", "--config", __file__)
    assert (outcome.status, outcome.out) == (0, "no immutable tag has moved\n")


def test_an_incident_is_one_line(assay: CommandLine) -> None:
    move(assay)
    outcome = assay.run("incidents", "show", "--config", __file__)
    assert outcome.out == f"2026-11-21T12:00:00Z  tag_moved    {IMAGE}  was {KNOWN}, seen by notification\n"


def test_json_tells_all_of_it(assay: CommandLine) -> None:
    move(assay)
    (entry,) = assay.run("incidents", "show", "--config", __file__, "--output", "json").document["incidents"]
    assert (entry["kind"], entry["known"], entry["found"]) == ("tag_moved", KNOWN.text, FOUND.text)


def test_a_move_is_accepted_with_name_and_reason(assay: CommandLine) -> None:
    move(assay)
    outcome = assay.run(*ACCEPT, IMAGE)
    assert (outcome.status, outcome.out) == (0, f"2026-11-21T12:00:00Z  tag_accepted {IMAGE}  by alice: rebuilt\n")
    assert assay.parts.tags.accepted(APP, "v1") == {KNOWN, FOUND}


def test_what_did_not_happen_cannot_be_accepted(assay: CommandLine) -> None:
    move(assay)
    outcome = assay.run(*ACCEPT, f"registry.example/app:v1@{KNOWN}")
    assert (outcome.status, set(assay.parts.tags.accepted(APP, "v1"))) == (1, {KNOWN})
