"""Real processes: an image that was seen needs no registry, and one that was allowed outlives it for a while."""

import secrets

import pytest
import requests

from assay.adapters.cache.database import VerdictDatabase
from assay.adapters.prewarmer.client import PrewarmerClient
from assay.domain.artefact import Artefact
from assay.domain.seen_image import SeenImage, Sighting
from demo.admission import review_of_pod, send_review
from tests.e2e.test_cluster import create_replica_set
from tests.fixtures.guarded_cluster import service_account_kubeconfig
from tests.fixtures.kubernetes import ControlPlane
from tests.fixtures.polling import eventually
from tests.fixtures.stacks import MakeSpare, Spare

pytestmark = pytest.mark.tools


def kept(spare: Spare) -> bool:
    """Whether a verdict on the released image is in the store."""
    database = VerdictDatabase(spare.stack.state / "cache")
    try:
        return any(item.key.digest == spare.released.digest for item in database.entries())
    finally:
        database.close()


def pinned(spare: Spare) -> str:
    return f"{spare.released.tagged}@{spare.released.digest}"


def read_metrics(spare: Spare) -> str:
    return requests.get(f"{spare.stack.service_url}/metrics", timeout=10).text


def prewarmed(spare: Spare) -> None:
    """Wait until the pre-warmer runs, tell it of the image and wait until that is verified."""
    client = PrewarmerClient(path=spare.stack.state / "run" / "prewarmer.sock")
    artefact = Artefact(repository=spare.released.repository, digest=spare.released.digest)
    eventually(lambda: client.offer(SeenImage(artefact=artefact, why=Sighting.NOTIFICATION)), "the pre-warmer")
    eventually(lambda: kept(spare), "the verdict")


def test_a_review_right_after_pre_warming_needs_no_registry(make_spare: MakeSpare) -> None:
    spare = make_spare()
    spare.stack.covering = (*spare.stack.covering, "prewarm: {}")
    spare.stack.start()
    prewarmed(spare)
    spare.stack.registry.stop()
    response = send_review(spare.stack, "validate", review_of_pod(pinned(spare)))
    assert response["allowed"]
    assert not [key for key in response["auditAnnotations"] if key.endswith("stale-seconds")]
    assert spare.stack.child("prewarmer") > 0


def test_an_image_that_a_replica_set_begins_to_want_is_verified(
    control_plane: ControlPlane, make_spare: MakeSpare
) -> None:
    spare = make_spare(settings=f"cluster: {{kubeconfig: {service_account_kubeconfig(control_plane)}}}\n")
    spare.stack.covering = (*spare.stack.covering, "prewarm: {replica_sets: true}")
    spare.stack.start()
    eventually(lambda: 'resource="replicasets"' in read_metrics(spare), "the list of ReplicaSets")
    assert not kept(spare)
    namespace = control_plane.create_namespace(f"team-{secrets.token_hex(4)}")
    create_replica_set(control_plane, namespace, "web", pinned(spare), replicas=1)
    eventually(lambda: kept(spare), "the verdict")
    counted = 'assay_prewarms_total{outcome="allowed",why="replica_set"}'
    eventually(lambda: counted in read_metrics(spare), "the count of it")


def test_an_allowed_image_outlives_its_registry_and_nothing_else_does(make_spare: MakeSpare) -> None:
    spare = make_spare(settings="cache: {listing_seconds: 1}\n")
    spare.stack.stale_listing_seconds = 3600
    spare.stack.start()
    assert send_review(spare.stack, "validate", review_of_pod(pinned(spare)))["allowed"]
    spare.stack.registry.stop()

    def stale() -> bool:
        response = send_review(spare.stack, "validate", review_of_pod(pinned(spare)))
        assert response["allowed"]
        return bool(response["auditAnnotations"].get("stale-seconds"))

    eventually(stale, "an allow that is given again")
    unseen = f"{spare.released.repository}@sha256:{'0' * 64}"
    for hook, image in (("mutate", spare.released.tagged), ("validate", unseen)):
        denied = send_review(spare.stack, hook, review_of_pod(image))
        assert not denied["allowed"]
        assert denied["auditAnnotations"]["reason"] == "retryable"
