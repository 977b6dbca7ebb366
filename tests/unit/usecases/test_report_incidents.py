"""Incidents are told to the log and to the owner, until both have heard."""

import json
import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.incident import Incident, TagSighting, Witness
from assay.domain.reference import Reference, Repository
from assay.usecases.incident_watch import IncidentWatch
from assay.usecases.report_incidents import IncidentDesk, report_incidents
from tests.fakes.clock import MovingClock
from tests.fakes.engine import World
from tests.fakes.sequencer import open_archive, running
from tests.fakes.tag_book import AttentiveOwner, MemoryTagBook
from tests.fixtures.polling import eventually

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
APP = Repository(registry="registry.example", path="app")
KNOWN, FOUND = Digest.of(b"known"), Digest.of(b"found")
SEEN = TagSighting(repository=APP, tag="v1", digest=KNOWN, witness=Witness.ADMISSION, at=NOW)
SCOPES = (("demo", "prod"), ("demo", "test"))
DEAF = Unavailable("owner_unavailable", "nobody listens", remedy="wait")


class Stage:
    """A moved tag, with everybody who has to hear of it."""

    def __init__(self) -> None:
        self.world = World(clock=MovingClock(wall=NOW))
        self.book = MemoryTagBook()
        self.owner = AttentiveOwner()
        self.desk = IncidentDesk(outbox=self.book, find_owner=self.find_owner, scopes=SCOPES)
        self.book.see(SEEN)
        self.book.see(replace(SEEN, digest=FOUND))

    def find_owner(self, incident: Incident) -> AttentiveOwner | None:
        return self.owner if incident.tag == "v1" else None

    def report(self) -> tuple[str, ...]:
        return report_incidents(self.world.engine(), self.desk, self.world.deadline())

    def wait(self) -> None:
        assert isinstance(self.world.clock, MovingClock)
        self.world.clock.pass_time(3600)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_the_log_hears_of_a_move_once_for_each_tenant_and_the_owner_once(stage: Stage) -> None:
    assert [stage.report(), stage.report()] == [(), ()]
    assert [(each.tenant, each.environment) for each in stage.world.log.decisions] == list(SCOPES)
    decision = stage.world.log.decisions[0]
    assert (decision.kind, decision.verdict, decision.time) == (DecisionKind.INCIDENT, Verdict.DENY, NOW)
    assert [(item.repository, item.digest) for item in decision.artefacts] == [(APP, FOUND)]
    assert [finding.code for finding in decision.findings] == ["tag_moved"]
    assert json.loads(decision.document.content())["request"]["known"] == KNOWN.text
    assert [incident.found for incident in stage.owner.heard] == [FOUND]


def test_an_acceptance_is_recorded_and_told_with_its_reason(stage: Stage) -> None:
    stage.report()
    reference = Reference(repository=APP, tag="v1", digest=FOUND)
    stage.book.accept(reference, by="alice", reason="CHG-12: rebuilt", at=NOW + timedelta(minutes=1))
    stage.wait()
    assert stage.report() == ()
    decision = stage.world.log.decisions[-1]
    assert (decision.verdict, decision.findings[0].code) == (Verdict.INDETERMINATE, "tag_accepted")
    assert decision.findings[0].msg.endswith("CHG-12: rebuilt")
    assert [incident.kind for incident in stage.owner.heard] == ["tag_moved", "tag_accepted"]


def test_an_owner_who_does_not_hear_is_told_again_and_the_log_is_not(stage: Stage) -> None:
    stage.owner.error = DEAF
    assert stage.report() == ("nobody listens",)
    assert stage.world.metrics.failures == {"owner_unavailable": 1}
    stage.owner.error = None
    assert (stage.report(), stage.owner.heard) == ((), [])
    stage.wait()
    assert (stage.report(), len(stage.owner.heard), len(stage.world.log.decisions)) == ((), 1, 2)


def test_nobody_is_told_what_is_not_in_the_log(stage: Stage) -> None:
    stage.world.log.error = Unavailable("log_unavailable", "no log", remedy="wait")
    assert (stage.report(), stage.owner.heard) == (("no log",), [])
    stage.world.log.error = None
    stage.wait()
    assert (stage.report(), len(stage.owner.heard)) == ((), 1)


def test_a_tag_that_nobody_owns_is_recorded_alone() -> None:
    stage = Stage()
    stage.desk = replace(stage.desk, find_owner=lambda _: None)
    assert (stage.report(), len(stage.world.log.decisions), stage.owner.heard) == ((), 2, [])
    stage.wait()
    assert (stage.report(), len(stage.world.log.decisions)) == ((), 2)


def test_an_incident_is_in_the_log_once_whoever_records_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with running(tmp_path) as client:
        for _ in range(2):
            stage = Stage()
            report_incidents(replace(stage.world.engine(), log=client), stage.desk, stage.world.deadline())
        size = client.ping(stage.world.deadline())
    assert size == len(SCOPES)
    assert open_archive(tmp_path).walk(0, 10).damages == ()


def test_a_process_watches_and_says_what_nobody_heard(stage: Stage) -> None:
    watch = IncidentWatch(stage.world.engine(), stage.desk)
    stage.owner.error = DEAF
    for _ in range(2):  # nothing is due the second time
        watch.turn(stage.desk)
        assert watch.warnings() == ("incidents: nobody listens",)
    stage.owner.error = None
    stage.wait()
    watch.turn(stage.desk)
    assert (watch.warnings(), len(stage.owner.heard)) == ((), 1)


def test_every_process_says_what_nobody_heard_until_one_of_them_was_heard(stage: Stage) -> None:
    one, other = (IncidentWatch(stage.world.engine(), stage.desk) for _ in range(2))
    stage.owner.error = DEAF
    one.turn(stage.desk)
    other.turn(stage.desk)
    assert other.warnings() == ("incidents: somebody has still to hear of 1",)
    stage.owner.error = None
    stage.wait()
    other.turn(stage.desk)
    one.turn(stage.desk)
    assert (one.warnings(), other.warnings(), len(stage.owner.heard)) == ((), (), 1)


def test_a_book_that_cannot_be_read_is_a_warning(stage: Stage) -> None:
    watch = IncidentWatch(stage.world.engine(), stage.desk)
    stage.book.error = Unavailable("tags_unavailable", "no book", remedy="look")
    watch.turn(stage.desk)
    assert watch.warnings() == ("incidents: no book",)


def test_what_nobody_foresaw_is_counted_and_the_watch_goes_on(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    watch = IncidentWatch(stage.world.engine(), stage.desk)
    stage.book.error = RuntimeError("a bug")  # type: ignore[assignment]  # what no port raises
    with caplog.at_level(logging.ERROR):
        watch.turn(stage.desk)
    assert watch.warnings() == ("incidents: unexpected RuntimeError",)
    assert stage.world.metrics.failures == {"internal": 1}
    stage.book.error = None
    watch.turn(stage.desk)
    assert watch.warnings() == ()


def test_a_thread_reports_until_it_is_told_to_stop(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.usecases.incident_watch._PAUSE_SECONDS", 0.01)
    before, stop = watching(), threading.Event()
    IncidentWatch(stage.world.engine(), stage.desk).follow(stop)
    try:
        eventually(lambda: bool(stage.owner.heard), "the owner heard")
    finally:
        stop.set()
    eventually(lambda: watching() <= before, "the thread ended")
    IncidentWatch(stage.world.engine(), None).follow(threading.Event())
    assert watching() <= before


def watching() -> set[threading.Thread]:
    """The threads that watch incidents, whoever began them."""
    return {thread for thread in threading.enumerate() if thread.name == "incidents"}
