"""What becomes of the record of a way out once a webhook runs again."""

import threading
from dataclasses import dataclass, field

import pytest

from assay.domain.arming import Action, Change
from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable
from assay_webhooks.arming import HISTORY
from assay_webhooks.arming_watch import ArmingWatch
from assay_webhooks.manifest import make_manifest
from assay_webhooks.registration import ServiceAddress
from assay_webhooks.way_out import CONFIGURATION_PATHS, take_way_out
from tests.fakes.certificate import NOW
from tests.fakes.clock import FrozenClock
from tests.fakes.cluster_objects import FakeObjects
from tests.fakes.webhook_manifest import BUNDLE, GUARD
from tests.fixtures.polling import eventually


@dataclass
class Log:
    """Remembers what was recorded; may fail."""

    error: Exception | None = None
    changes: list[Change] = field(default_factory=list)

    def record(self, change: Change, deadline: Deadline) -> None:
        deadline.remaining("the test")
        if self.error is not None:
            raise self.error
        self.changes.append(change)


@pytest.fixture
def cluster() -> FakeObjects:
    address = ServiceAddress(namespace="assay", name="webhook")
    documents = make_manifest(GUARD, address, BUNDLE, disarmed=None, static_policy=False)
    objects = FakeObjects(objects=dict(zip(reversed(CONFIGURATION_PATHS), documents, strict=True)))
    for action in Action:
        take_way_out(objects, action, reason="it hangs", now=NOW, deadline=Deadline.after(10, lambda: 0.0))
    return objects


def watch(cluster: FakeObjects, log: Log) -> ArmingWatch:
    return ArmingWatch(cluster, log.record, FrozenClock())


def test_each_change_is_recorded_once_though_both_configurations_remember_it(cluster: FakeObjects) -> None:
    log = Log()
    watching = watch(cluster, log)
    watching.turn(cluster)
    watching.turn(cluster)
    assert [change.action for change in log.changes] == [Action.DISARM, Action.ARM]
    assert watching.warnings() == ()


@pytest.mark.parametrize("error", [Unavailable("log_unavailable", "the log is down", remedy="wait"), KeyError("x")])
def test_what_could_not_be_recorded_warns_and_is_tried_again(cluster: FakeObjects, error: Exception) -> None:
    log = Log(error=error)
    watching = watch(cluster, log)
    watching.turn(cluster)
    assert watching.warnings()[0].startswith("arming: ")
    log.error = None
    watching.turn(cluster)
    assert len(log.changes) == 2
    assert watching.warnings() == ()


@pytest.mark.parametrize(
    "record",
    [
        "garbage",
        "1",
        "[1]",
        "[{}]",
        '[{"action": "explode", "by": "a", "at": "2026-01-01T00:00:00+00:00", "reason": "r"}]',
        '[{"action": "arm", "by": "a", "at": "yesterday", "reason": "r"}]',
        '[{"action": "arm", "by": "a", "at": "2026-01-01T00:00:00", "reason": "r"}]',
        '[{"action": "arm", "by": "a", "at": "2026-01-01T00:00:00+00:00", "reason": ""}]',
    ],
)
def test_a_record_that_was_changed_by_others_warns(cluster: FakeObjects, record: str) -> None:
    document = cluster.objects[CONFIGURATION_PATHS[0]]
    document["metadata"] = {"annotations": {HISTORY: record}}
    watching = watch(cluster, Log())
    watching.turn(cluster)
    assert "record was changed" in watching.warnings()[0]


def test_a_cluster_without_our_configurations_has_nothing_to_record() -> None:
    log = Log()
    watching = ArmingWatch(FakeObjects(), log.record, FrozenClock())
    watching.turn(FakeObjects())
    assert (log.changes, watching.warnings()) == ([], ())


def test_a_worker_watches_in_a_thread_of_its_own_and_not_without_a_cluster(cluster: FakeObjects) -> None:
    log, stop = Log(), threading.Event()
    watch(cluster, log).follow(stop)
    eventually(lambda: len(log.changes) == 2, "both changes")
    stop.set()
    before = threading.active_count()
    ArmingWatch(None, log.record, FrozenClock()).follow(stop)
    assert threading.active_count() <= before
