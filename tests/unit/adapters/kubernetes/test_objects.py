"""Objects of the cluster, read and written as a whole."""

import pytest

from assay.adapters.kubernetes.objects import KubernetesObjects
from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable
from tests.fakes.clock import FrozenClock
from tests.fakes.kubernetes_api import Reply, ScriptedApi, reply

PATH = "/apis/group/v1/things"
THING = {"kind": "Thing", "metadata": {"name": "t"}}


@pytest.fixture
def objects(api: ScriptedApi) -> KubernetesObjects:
    return KubernetesObjects(connection=api.connection)


def deadline() -> Deadline:
    return Deadline.after(30, FrozenClock().monotonic)


def test_an_object_is_read_whole_and_absence_is_told(api: ScriptedApi, objects: KubernetesObjects) -> None:
    assert objects.get(PATH, deadline()) is None
    api.script(PATH, reply(THING))
    assert objects.get(PATH, deadline()) == THING


def test_what_is_written_is_sent_as_it_is(api: ScriptedApi, objects: KubernetesObjects) -> None:
    api.script(PATH, reply({"made": "so"}, status=201), reply(THING))
    assert objects.create(PATH, THING, deadline()) == {"made": "so"}
    objects.replace(PATH, THING, deadline())
    assert api.written == [("POST", PATH, THING), ("PUT", PATH, THING)]


def test_what_is_gone_cannot_be_written(objects: KubernetesObjects) -> None:
    for write in (objects.create, objects.replace):
        with pytest.raises(Unavailable) as caught:
            write(PATH, THING, deadline())
        assert caught.value.code == "cluster_unavailable"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Reply(status=409), "cluster_conflict"),
        (Reply(status=403), "cluster_unavailable"),
        (Reply(status=410), "cluster_unavailable"),
        (Reply(status=422), "cluster_unavailable"),
        (reply([]), "cluster_unavailable"),
        (Reply(body=b"{"), "cluster_unavailable"),
    ],
)
def test_a_refusal_has_its_code(api: ScriptedApi, objects: KubernetesObjects, answer: Reply, code: str) -> None:
    api.script(PATH, answer)
    with pytest.raises(Unavailable) as caught:
        objects.replace(PATH, THING, deadline())
    assert caught.value.code == code
    api.script(PATH, reply(THING))
    objects.replace(PATH, THING, deadline())
