"""Of ReplicaSets what is to run and names a digest is known, as it changes."""

import threading
from dataclasses import dataclass

import pytest

from assay.adapters.kubernetes.list_watch import ListWatch
from assay.adapters.kubernetes.replica_sets import REPLICA_SETS, Images, WantedImages
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from tests.fakes.clock import FrozenClock
from tests.fakes.kubernetes_api import Reply, ScriptedApi, events, namespace_list
from tests.fakes.metrics import CountingMetrics

PATH = "/apis/apps/v1/replicasets"
DIGEST = Digest.of(b"image")
APP, WEB, INIT = (f"registry.example/{name}@{DIGEST}" for name in ("app", "web", "init"))
_FOREVER = 3600.0


def replica_set(
    name: str, *images: str, replicas: int | None = None, init: tuple[str, ...] = (), version: str = "3"
) -> dict[str, object]:
    pod = {"containers": [{"image": image} for image in images], "initContainers": [{"image": item} for item in init]}
    spec: dict[str, object] = {"template": {"spec": pod}}
    metadata = {"namespace": "shop", "name": name, "resourceVersion": version}
    return {"metadata": metadata, "spec": spec if replicas is None else {**spec, "replicas": replicas}}


@dataclass(kw_only=True)
class Watched:
    """The ReplicaSets of an API server, turn by turn."""

    watch: ListWatch[Images]
    wanted: WantedImages
    metrics: CountingMetrics

    def turn(self) -> list[str]:
        """The images after another turn."""
        self.watch.turn(threading.Event())
        return self.images()

    def images(self) -> list[str]:
        current = self.wanted.current()
        assert {image.namespace for image in current} <= {"shop"}
        return [str(image.reference) for image in current]


def watched(api: ScriptedApi, *pages: Reply, then: Reply | None = None) -> Watched:
    api.script(PATH, *pages)
    api.script(f"{PATH}?watch", then or events())
    metrics = CountingMetrics()
    watch = ListWatch(api.connection, REPLICA_SETS, clock=FrozenClock(), metrics=metrics, max_age_seconds=_FOREVER)
    return Watched(watch=watch, wanted=WantedImages(watch), metrics=metrics)


def test_what_is_to_run_is_found_once_on_all_pages(api: ScriptedApi) -> None:
    pages = (
        namespace_list("7", replica_set("one", APP, init=(INIT,)), more="next"),
        namespace_list("7", replica_set("two", WEB, APP, replicas=2)),
    )
    assert watched(api, *pages).turn() == [APP, INIT, WEB]
    assert [query.get("continue") for query in api.queries(PATH)] == [None, ["next"]]


def test_what_is_not_to_run_and_what_names_no_digest_is_passed_over(api: ScriptedApi) -> None:
    bare = {"metadata": {"namespace": "shop", "name": "bare"}, "spec": {}}
    tagged = replica_set("tagged", WEB, "registry.example/app:v1", "NO IMAGE")
    assert watched(api, namespace_list("7", replica_set("idle", APP, replicas=0), tagged, bare)).turn() == [WEB]


def test_what_happens_to_a_replica_set_is_known(api: ScriptedApi) -> None:
    changes = events(
        {"type": "ADDED", "object": replica_set("new", WEB, version="8")},
        {"type": "MODIFIED", "object": replica_set("old", APP, replicas=0, version="9")},
        {"type": "ADDED", "object": replica_set("brief", INIT, version="10")},
        {"type": "DELETED", "object": replica_set("brief", INIT, version="11")},
    )
    followed = watched(api, namespace_list("7", replica_set("old", APP)), then=changes)
    assert [followed.turn(), followed.turn()] == [[APP], [WEB]]


def test_the_images_are_the_same_object_until_they_change(api: ScriptedApi) -> None:
    status = {"type": "MODIFIED", "object": replica_set("old", APP, version="8") | {"status": {"replicas": 1}}}
    followed = watched(api, namespace_list("7", replica_set("old", APP)), then=events(status))
    followed.turn()
    before = followed.wanted.current()
    assert followed.turn() == [APP]
    assert followed.wanted.current() is before


@pytest.mark.parametrize(
    "broken",
    [
        {"metadata": {"name": "broken", "resourceVersion": "8"}, "spec": {}},
        {"metadata": {"namespace": "shop", "resourceVersion": "8"}, "spec": {}},
        replica_set("broken", APP, version="8") | {"spec": {"replicas": "two"}},
        replica_set("broken", APP, version="8") | {"spec": {"replicas": True}},
        replica_set("broken", APP, version="8") | {"spec": 5},
        replica_set("broken", APP, version="8") | {"spec": {"template": {"spec": {"containers": [5]}}}},
        replica_set("broken", "a\nb", version="8"),
    ],
)
def test_one_that_cannot_be_read_is_passed_over_and_counted(api: ScriptedApi, broken: dict[str, object]) -> None:
    followed = watched(api, namespace_list("7", broken, replica_set("good", WEB)))
    assert followed.turn() == [WEB]
    assert followed.metrics.unreadable == {"replicasets": 1}
    assert watched(api, namespace_list("7", replica_set("good", WEB))).turn() == [WEB]


def test_one_that_cannot_be_read_any_more_is_forgotten(api: ScriptedApi) -> None:
    broken = replica_set("old", APP, version="8") | {"spec": 5}
    followed = watched(
        api,
        namespace_list("7", replica_set("old", APP), replica_set("good", WEB)),
        then=events({"type": "MODIFIED", "object": broken}),
    )
    assert [followed.turn(), followed.turn()] == [[APP, WEB], [WEB]]
    assert followed.metrics.unreadable == {"replicasets": 1}


@pytest.mark.parametrize("answer", [Reply(status=403), Reply(status=404), Reply(status=410), namespace_list("", "x")])
def test_before_the_first_list_no_image_is_wanted(api: ScriptedApi, answer: Reply) -> None:
    with pytest.raises(Unavailable) as caught:
        watched(api, answer).turn()
    assert caught.value.code == "cluster_unavailable"
    assert "replicasets" in caught.value.message
