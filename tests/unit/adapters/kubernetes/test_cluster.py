"""The port `Cluster`: one contract for the fake and for the adapter; the real API server has it in the e2e tests."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from assay.adapters.clock import SystemClock
from assay.adapters.kubernetes.cluster import KubernetesCluster
from assay.adapters.kubernetes.secret import SecretReader
from assay.domain.cluster import WantedImage
from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable
from assay.domain.reference import Reference
from assay.formats.base64text import encode_base64
from assay.ports import Cluster
from tests.fakes.clock import FrozenClock
from tests.fakes.cluster import FakeCluster
from tests.fakes.kubernetes_api import Reply, ScriptedApi, events, namespace, namespace_list, reply
from tests.fakes.metrics import CountingMetrics
from tests.fixtures.polling import eventually
from tests.unit.adapters.kubernetes.test_replica_sets import APP, replica_set

SECRETS, ACCOUNTS = "/api/v1/namespaces/team-a/secrets/", "/api/v1/namespaces/team-a/serviceaccounts/"
DOCKER = "kubernetes.io/dockerconfigjson"


def deadline() -> Deadline:
    return Deadline.after(30, FrozenClock().monotonic)


def secret(kind: str, **members: bytes) -> Reply:
    data = {f".{name}": encode_base64(value) for name, value in members.items()}
    return reply({"type": kind, "data": data})


@contextmanager
def adapter(api: ScriptedApi) -> Iterator[KubernetesCluster]:
    api.script("/api/v1/namespaces", namespace_list("7", namespace("team-a", "3", tier="gold")))
    api.script("/api/v1/namespaces?watch", events())
    api.script(f"{SECRETS}first", secret(DOCKER, dockerconfigjson=b'{"auths": {}}'))
    api.script(f"{SECRETS}second", secret("kubernetes.io/dockercfg", dockercfg=b"{}"))
    api.script(f"{SECRETS}other", secret("Opaque", dockerconfigjson=b"{}"))
    api.script(f"{ACCOUNTS}builder", reply({"imagePullSecrets": [{"name": "second"}, {"name": "first"}, {}]}))
    api.script(f"{ACCOUNTS}default", reply({}))
    api.script("/apis/apps/v1/replicasets", namespace_list("7", replica_set("app", APP)))
    api.script("/apis/apps/v1/replicasets?watch", events())
    cluster = KubernetesCluster(api.connection, clock=SystemClock(), metrics=CountingMetrics(), max_age_seconds=3600)
    stop = threading.Event()
    cluster.follow(stop)
    cluster.follow_replica_sets(stop)
    eventually(lambda: not cluster.late(), "the first lists")
    yield cluster
    stop.set()


@pytest.fixture(params=["fake", "adapter"])
def cluster(request: pytest.FixtureRequest, api: ScriptedApi) -> Iterator[Cluster]:
    if request.param == "adapter":
        with adapter(api) as made:
            yield made
        return
    yield FakeCluster(
        labels={"team-a": {"tier": "gold"}},
        pull_secrets={("team-a", "first"): b'{"auths": {}}', ("team-a", "second"): b"{}"},
        accounts={("team-a", "builder"): ("second", "first")},
        wanted=(WantedImage(namespace="shop", reference=Reference.parse(APP)),),
    )


def test_a_namespace_is_known_with_its_labels(cluster: Cluster) -> None:
    assert cluster.get_namespace("team-a").labels == (("tier", "gold"),)


def test_what_replica_sets_want_is_known_and_the_same_object_while_it_does_not_change(cluster: Cluster) -> None:
    wanted = cluster.wanted_images()
    assert [(image.namespace, str(image.reference)) for image in wanted] == [("shop", APP)]
    assert cluster.wanted_images() is wanted


def test_a_cluster_is_late_while_something_that_it_follows_is_not_known(api: ScriptedApi) -> None:
    api.script("/api/v1/namespaces", namespace_list("7"))
    api.script("/api/v1/namespaces?watch", events())
    cluster = KubernetesCluster(api.connection, clock=SystemClock(), metrics=CountingMetrics(), max_age_seconds=3600)
    stop = threading.Event()
    assert "namespaces" in cluster.late()
    cluster.follow(stop)
    eventually(lambda: not cluster.late(), "the list of namespaces")
    cluster.follow_replica_sets(stop)
    assert "replicasets" in cluster.late()
    with pytest.raises(Unavailable) as caught:
        cluster.wanted_images()
    stop.set()
    assert caught.value.code == "cluster_unavailable"


@pytest.mark.parametrize("may_wait", [True, False])
def test_a_namespace_that_was_never_seen_is_unknown(cluster: Cluster, *, may_wait: bool) -> None:
    with pytest.raises(Unavailable) as caught:
        cluster.get_namespace("team-b", may_wait=may_wait)
    assert caught.value.code == "namespace_unknown"


def test_who_may_not_wait_does_not_wait_for_a_namespace(cluster: Cluster) -> None:
    begun = time.monotonic()
    for _ in range(200):
        with pytest.raises(Unavailable):
            cluster.get_namespace("team-b", may_wait=False)
    assert time.monotonic() - begun < 25  # waiting would take 50 seconds


@pytest.mark.parametrize(
    ("account", "named", "configs"),
    [
        ("default", [], []),
        ("default", ["first"], [b'{"auths": {}}']),
        ("builder", [], [b"{}", b'{"auths": {}}']),
        ("builder", ["first"], [b'{"auths": {}}', b"{}"]),
        ("nobody", ["missing", "other", "first"], [b'{"auths": {}}']),
    ],
)
def test_a_pods_own_secrets_come_before_those_of_its_account(
    cluster: Cluster, account: str, named: list[str], configs: list[bytes]
) -> None:
    assert list(cluster.fetch_pull_secrets("team-a", account, named, deadline())) == configs


@pytest.mark.parametrize("name", ["../other", "a/b", "A", "%2e", "", "x" * 254])
def test_nothing_but_a_name_is_put_into_a_path(api: ScriptedApi, name: str) -> None:
    secrets = SecretReader(connection=api.connection)
    assert secrets.fetch_secret("team-a", name, deadline()) is None
    assert secrets.fetch_secret(name, "first", deadline()) is None
    assert api.calls == []
    assert secrets.fetch_secret("team-a", "first", deadline()) is None
    assert len(api.calls) == 1


@pytest.mark.parametrize(
    "answer", [Reply(status=403), Reply(status=410), reply({"data": {".dockerconfigjson": "%"}}), reply({"data": 5})]
)
def test_a_secret_that_cannot_be_read_has_a_code(api: ScriptedApi, answer: Reply) -> None:
    api.script(f"{SECRETS}first", answer)
    with pytest.raises(Unavailable) as caught:
        SecretReader(connection=api.connection).fetch_secret("team-a", "first", deadline())
    assert caught.value.code == "cluster_unavailable"


def test_an_account_that_cannot_be_read_has_a_code(api: ScriptedApi) -> None:
    api.script(f"{ACCOUNTS}default", reply({"imagePullSecrets": "first"}))
    with pytest.raises(Unavailable) as caught:
        SecretReader(connection=api.connection).fetch_pull_secrets("team-a", "default", [], deadline())
    assert caught.value.code == "cluster_unavailable"


def test_the_members_of_a_secret_are_not_shown(api: ScriptedApi) -> None:
    api.script(f"{SECRETS}first", secret(DOCKER, dockerconfigjson=b"hidden"))
    found = SecretReader(connection=api.connection).fetch_secret("team-a", "first", deadline())
    assert found is not None
    assert "hidden" not in repr(found)
