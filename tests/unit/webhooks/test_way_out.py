"""Disarming and arming both webhook configurations of a cluster."""

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from assay.domain.arming import Action
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, Unavailable
from assay_webhooks.arming import HISTORY
from assay_webhooks.manifest import make_manifest
from assay_webhooks.registration import ServiceAddress
from assay_webhooks.way_out import Outcome, take_way_out
from tests.fakes.certificate import NOW
from tests.fakes.cluster_objects import FakeObjects
from tests.fakes.webhook_manifest import BUNDLE, GUARD

PATHS = [
    f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations/assay" for kind in ("mutating", "validating")
]


@pytest.fixture
def cluster() -> FakeObjects:
    address = ServiceAddress(namespace="assay", name="webhook")
    documents = make_manifest(GUARD, address, BUNDLE, disarmed=None, static_policy=False)
    return FakeObjects(objects=dict(zip(PATHS, documents, strict=True)))


def change(cluster: FakeObjects, action: Action) -> Outcome:
    return take_way_out(cluster, action, reason="it hangs", now=NOW, deadline=Deadline.after(10, lambda: 0.0))


def policies(cluster: FakeObjects) -> set[str]:
    documents = cast("list[dict[str, Any]]", list(cluster.objects.values()))
    return {document["webhooks"][0]["failurePolicy"] for document in documents}


def test_both_configurations_are_disarmed_and_armed_again(cluster: FakeObjects) -> None:
    before = {path: cluster.objects[path]["webhooks"] for path in PATHS}
    outcome = change(cluster, Action.DISARM)
    assert (outcome.by, policies(cluster)) == ("alice", {"Ignore"})
    assert outcome.changed == ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
    change(cluster, Action.ARM)
    assert {path: cluster.objects[path]["webhooks"] for path in PATHS} == before


def test_what_denies_goes_first_and_comes_back_last(cluster: FakeObjects) -> None:
    change(cluster, Action.DISARM)
    change(cluster, Action.ARM)
    assert cluster.replaced == [PATHS[1], PATHS[0], PATHS[0], PATHS[1]]


def test_the_record_lies_with_both_configurations(cluster: FakeObjects) -> None:
    change(cluster, Action.DISARM)
    for path in PATHS:
        annotations = cast("dict[str, Any]", cluster.objects[path])["metadata"]["annotations"]
        (record,) = json.loads(annotations[HISTORY])
        assert (record["by"], record["reason"], record["at"]) == ("alice", "it hangs", NOW.isoformat())


def test_what_was_interrupted_is_finished_and_nothing_is_done_twice(cluster: FakeObjects) -> None:
    change(cluster, Action.DISARM)
    disarmed = cluster.objects[PATHS[1]]
    change(cluster, Action.ARM)
    cluster.objects[PATHS[1]] = disarmed
    assert change(cluster, Action.DISARM).changed == ("mutatingwebhookconfigurations",)
    assert change(cluster, Action.DISARM).changed == ()


def test_what_somebody_undoes_at_once_is_told(cluster: FakeObjects) -> None:
    armed = dict(cluster.objects)
    cluster.meddle = lambda objects: objects.objects.update(armed)
    with pytest.raises(Unavailable) as caught:
        change(cluster, Action.DISARM)
    assert caught.value.code == "arming_undone"


def test_a_cluster_without_our_configurations_is_told(cluster: FakeObjects) -> None:
    del cluster.objects[PATHS[0]]
    with pytest.raises(ConfigError) as caught:
        change(cluster, Action.DISARM)
    assert caught.value.code == "webhook_not_registered"


@pytest.mark.parametrize("review", [{}, {"status": {}}, {"status": {"userInfo": {}}}, {"status": {"userInfo": 1}}])
def test_a_user_without_a_name_is_unknown(cluster: FakeObjects, review: Mapping[str, object]) -> None:
    cluster.review = dict(review)
    assert change(cluster, Action.DISARM).by == "unknown"
