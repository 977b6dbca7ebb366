"""Images are seen in past decisions and in the cluster, for whom they are, and under the names they are judged by."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from assay.domain.cluster import WantedImage
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.mirror import MirrorNames
from assay.domain.reference import Reference
from assay.domain.seen_image import SeenImage, Sighting
from assay.domain.tenancy import TenantRule
from assay.usecases.sighting import GuardedCluster, WantedSightings, offer_decided
from assay.usecases.waiting_images import WaitingImages
from tests.fakes.clock import FrozenClock, MovingClock
from tests.fakes.cluster import FakeCluster
from tests.fakes.decision import MOMENT, allowed, denied, identifier
from tests.fakes.sequencer import open_archive, running, soon

DIGEST = Digest.of(b"image")
RULES = (
    TenantRule(tenant="shop", environment="prod", names=frozenset({"shop", "kube-system"})),
    TenantRule(tenant="lab", environment="test", labels=(("team", "lab"),)),
)


def taken(waiting: WaitingImages) -> list[SeenImage]:
    return list(iter(waiting.take, None))


def test_what_was_allowed_is_seen_again_for_the_same_tenant(tmp_path: Path) -> None:
    dry, gate = replace(allowed(3), dry_run=True), replace(allowed(2), kind=denied().kind)
    with running(tmp_path / "state") as client:
        for decision in (allowed(0), denied(1), gate, dry):
            client.record(decision, soon())
        waiting = WaitingImages(most=10)
        offer_decided(open_archive(tmp_path / "state"), waiting, since=MOMENT)
    seen = taken(waiting)
    assert {image.artefact.digest for image in seen} == {
        item.digest for item in (*allowed(0).artefacts, *dry.artefacts)
    }
    assert {(image.why, image.tenant, image.environment) for image in seen} == {(Sighting.DECISION, "team-b", "prod")}
    assert seen[-1].artefact.digest in {item.digest for item in dry.artefacts}


def test_what_was_decided_before_is_left_alone(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        client.record(replace(allowed(0), id=identifier(0)), soon())
        waiting = WaitingImages(most=10)
        offer_decided(open_archive(tmp_path / "state"), waiting, since=MOMENT + timedelta(seconds=1))
    assert taken(waiting) == []


def wanted(namespace: str, text: str) -> WantedImage:
    return WantedImage(namespace=namespace, reference=Reference.parse(text))


def offered(cluster: FakeCluster, *, exempt: frozenset[str] = frozenset()) -> list[tuple[str, str, str]]:
    waiting = WaitingImages(most=10)
    mirrors = MirrorNames(origins=(("mirror.example", "registry.example"),))
    guarded = GuardedCluster(cluster=cluster, tenants=RULES, exempt=exempt, mirrors=mirrors)
    WantedSightings(guarded=guarded, clock=FrozenClock()).look(waiting)
    seen = taken(waiting)
    assert {(image.why, image.artefact.digest) for image in seen} <= {(Sighting.REPLICA_SET, DIGEST)}
    return [(image.artefact.repository.name, image.tenant, image.environment) for image in seen]


def test_what_the_cluster_wants_is_seen_for_the_tenant_of_its_namespace_under_the_name_of_its_origin() -> None:
    images = (wanted("shop", f"mirror.example/a:v1@{DIGEST}"), wanted("lab-1", f"registry.example/b@{DIGEST}"))
    cluster = FakeCluster(labels={"lab-1": {"team": "lab"}, "shop": {}}, wanted=images)
    assert offered(cluster) == [("registry.example/a", "shop", "prod"), ("registry.example/b", "lab", "test")]


def test_a_namespace_that_is_exempt_unknown_or_nobodys_is_passed_over() -> None:
    names = ("kube-system", "new", "nobodys", "shop")
    images = tuple(wanted(name, f"registry.example/{name}@{DIGEST}") for name in names)
    cluster = FakeCluster(labels={"nobodys": {}}, wanted=images)
    assert offered(cluster, exempt=frozenset({"kube-system"})) == [("registry.example/shop", "shop", "prod")]


def test_an_image_that_names_a_tag_is_passed_over() -> None:
    assert offered(FakeCluster(wanted=(wanted("shop", "registry.example/a:v1"),))) == []


def test_what_is_new_is_offered_at_once_and_all_of_it_again_after_five_minutes() -> None:
    first, second = (wanted("shop", f"registry.example/{name}@{DIGEST}") for name in "ab")
    cluster, clock, waiting = FakeCluster(wanted=(first,)), MovingClock(MOMENT), WaitingImages(most=10)
    guarded = GuardedCluster(cluster=cluster, tenants=RULES, exempt=frozenset(), mirrors=MirrorNames())
    sightings = WantedSightings(guarded=guarded, clock=clock)
    seen: list[list[str]] = []
    one, both, other = (first,), (first, second), (second,)
    for images, seconds in ((one, 0), (one, 299), (both, 0), (other, 0), (other, 2)):
        cluster.wanted = images
        clock.pass_time(seconds)
        sightings.look(waiting)
        seen.append([image.artefact.repository.path for image in taken(waiting)])
    assert seen == [["a"], [], ["b"], [], ["b"]]


def test_a_cluster_that_cannot_be_asked_is_told() -> None:
    cluster = FakeCluster(error=Unavailable("cluster_unavailable", "down", remedy="repeat"))
    with pytest.raises(Unavailable) as caught:
        offered(cluster)
    assert caught.value.code == "cluster_unavailable"
