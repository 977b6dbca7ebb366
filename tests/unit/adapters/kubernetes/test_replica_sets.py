"""ReplicaSets are listed page by page; what is to run and names a digest is found."""

import pytest

from assay.adapters.kubernetes.replica_sets import ReplicaSetReader
from assay.domain.cluster import WantedImage
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.reference import Reference
from tests.fakes.clock import FrozenClock
from tests.fakes.kubernetes_api import Reply, ScriptedApi, reply

PATH = "/apis/apps/v1/replicasets"
DIGEST = Digest.of(b"image")
APP, WEB, INIT = (f"registry.example/{name}@{DIGEST}" for name in ("app", "web", "init"))


def replica_set(*images: str, replicas: int | None = None, init: tuple[str, ...] = ()) -> dict[str, object]:
    pod = {"containers": [{"image": image} for image in images], "initContainers": [{"image": item} for item in init]}
    spec: dict[str, object] = {"template": {"spec": pod}}
    return {"metadata": {"namespace": "shop"}, "spec": spec if replicas is None else {**spec, "replicas": replicas}}


def page(*items: object, more: str = "") -> Reply:
    return reply({"metadata": {"continue": more}, "items": list(items)})


def images(api: ScriptedApi) -> list[str]:
    found = ReplicaSetReader(connection=api.connection).list_images(Deadline.after(30, FrozenClock().monotonic))
    assert {image.namespace for image in found} <= {"shop"}
    return [str(image.reference) for image in found]


def test_what_is_to_run_is_found_once_on_all_pages(api: ScriptedApi) -> None:
    api.script(PATH, page(replica_set(APP, init=(INIT,)), more="next"), page(replica_set(WEB, APP, replicas=2)))
    assert images(api) == [APP, INIT, WEB]
    assert [query.get("continue") for query in api.queries(PATH)] == [None, ["next"]]
    assert WantedImage(namespace="shop", reference=Reference.parse(APP)).reference.digest == DIGEST


def test_what_is_not_to_run_and_what_names_no_digest_is_passed_over(api: ScriptedApi) -> None:
    bare = {"metadata": {"namespace": "shop"}, "spec": {}}
    api.script(PATH, page(replica_set(APP, replicas=0), replica_set(WEB, "registry.example/app:v1", "NO IMAGE"), bare))
    assert images(api) == [WEB]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=403),
        Reply(status=404),
        Reply(status=410),
        reply({"items": []}),
        page({"metadata": {}, "spec": {"template": {"spec": {"containers": [{"image": APP}]}}}}),
        page(replica_set(APP) | {"spec": {"replicas": "two"}}),
        page(replica_set(APP) | {"spec": {"replicas": True}}),
        page(more="for ever"),
    ],
)
def test_a_list_that_cannot_be_read_whole_is_none(api: ScriptedApi, answer: Reply) -> None:
    api.script(PATH, answer)
    with pytest.raises(Unavailable) as caught:
        images(api)
    assert caught.value.code == "cluster_unavailable"
