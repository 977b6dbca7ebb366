"""The port `Cluster` over a real API server, with the roles that the documentation gives."""

import base64
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.adapters.clock import SystemClock
from assay.adapters.kubernetes.access import ClusterAccess
from assay.adapters.kubernetes.cluster import KubernetesCluster
from assay.adapters.kubernetes.connection import KubernetesConnection
from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable
from tests.fakes.metrics import CountingMetrics
from tests.fixtures.guarded_cluster import service_account_kubeconfig
from tests.fixtures.kubernetes import ControlPlane
from tests.fixtures.polling import eventually

pytestmark = [pytest.mark.tools, pytest.mark.timeout(600)]
APP, OTHER = (f"registry.example/{name}:v1@sha256:{'a' * 64}" for name in ("app", "other"))
CONFIG = b'{"auths": {"registry.example": {"username": "u", "password": "p"}}}'


@dataclass(frozen=True, kw_only=True)
class Following:
    """A cluster that is followed, and the counters of its watch."""

    cluster: KubernetesCluster
    metrics: CountingMetrics
    plane: ControlPlane

    def labels(self, name: str) -> dict[str, str] | None:
        """The labels of a namespace as they are known, without those that Kubernetes sets; None when it is unknown."""
        try:
            found = dict(self.cluster.get_namespace(name).labels)
        except Unavailable:
            return None
        assert found.pop("kubernetes.io/metadata.name") == name
        return found

    def wanted(self, namespace: str) -> list[str] | None:
        """The images that ReplicaSets of a namespace are known to want; None while that does not count."""
        try:
            images = self.cluster.wanted_images()
        except Unavailable:
            return None
        return [str(image.reference) for image in images if image.namespace == namespace]

    def turns(self, outcome: str) -> tuple[int, int]:
        """How many turns of following the namespaces and the ReplicaSets ended so."""
        return self.metrics.watches["namespaces", outcome], self.metrics.watches["replicasets", outcome]


def open_following(plane: ControlPlane, kubeconfig: Path) -> Following:
    metrics = CountingMetrics()
    connection = KubernetesConnection(access=ClusterAccess.from_kubeconfig(kubeconfig))
    cluster = KubernetesCluster(connection, clock=SystemClock(), metrics=metrics, max_age_seconds=20)
    return Following(cluster=cluster, metrics=metrics, plane=plane)


@pytest.fixture(scope="module")
def following(control_plane: ControlPlane) -> Iterator[Following]:
    made, stop = open_following(control_plane, service_account_kubeconfig(control_plane)), threading.Event()
    made.cluster.follow(stop)
    made.cluster.follow_replica_sets(stop)
    eventually(lambda: not made.cluster.late(), "the first lists")
    yield made
    stop.set()


@pytest.fixture
def name() -> str:
    return f"team-{secrets.token_hex(4)}"


def deadline() -> Deadline:
    return Deadline.after(60, SystemClock().monotonic)


def create_replica_set(plane: ControlPlane, namespace: str, name: str, image: str, *, replicas: int) -> str:
    """Create a ReplicaSet; its path."""
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    path = f"/apis/apps/v1/namespaces/{namespace}/replicasets"
    plane.create(path, {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name}, "spec": spec})
    return f"{path}/{name}"


def scale(plane: ControlPlane, path: str) -> bool:
    """Ask for one Pod; false when the controller wrote in between."""
    found = plane.call("GET", path).json()
    found["spec"]["replicas"] = 1
    return plane.call("PUT", path, found).ok


def test_what_happens_to_a_namespace_is_known(following: Following, name: str) -> None:
    with pytest.raises(Unavailable) as caught:
        following.cluster.get_namespace(name)
    assert caught.value.code == "namespace_unknown"
    following.plane.create_namespace(name, tier="gold")
    eventually(lambda: following.labels(name) == {"tier": "gold"}, "the new namespace")
    path = f"/api/v1/namespaces/{name}"
    namespace = following.plane.call("GET", path).json()
    namespace["metadata"]["labels"]["tier"] = "lead"
    assert following.plane.call("PUT", path, namespace).ok
    eventually(lambda: following.labels(name) == {"tier": "lead"}, "the other label")
    assert following.plane.call("DELETE", path).ok
    eventually(lambda: following.labels(name) is None, "the end of the namespace")


def test_a_quiet_cluster_is_confirmed_all_the_same(following: Following) -> None:
    begun, (namespaces, replica_sets) = len(following.metrics.confirmed), following.turns("watched")
    eventually(lambda: following.turns("watched")[0] >= namespaces + 2, "two more turns of a watch")
    eventually(lambda: following.turns("watched")[1] >= replica_sets + 2, "two more turns of the other")
    assert len(following.metrics.confirmed) >= begun + 4
    assert not following.cluster.late()


def test_the_cluster_is_followed_again_after_the_api_server_was_restarted(following: Following, name: str) -> None:
    namespaces, replica_sets = following.turns("failed")
    following.plane.stop_process("kube-apiserver")
    eventually(lambda: following.metrics.watches["namespaces", "failed"] > namespaces, "a watch that fails")
    eventually(lambda: following.metrics.watches["replicasets", "failed"] > replica_sets, "the other that fails")
    following.plane.start_api()
    following.plane.create_namespace(name, tier="after")
    eventually(lambda: following.labels(name) == {"tier": "after"}, "a namespace of the time after")
    create_replica_set(following.plane, name, "wanted", APP, replicas=1)
    eventually(lambda: following.wanted(name) == [APP], "a ReplicaSet of the time after")
    assert not following.cluster.late()


def test_a_credential_without_the_role_knows_nothing(control_plane: ControlPlane, name: str) -> None:
    control_plane.create_namespace(name)
    kubeconfig = control_plane.write_kubeconfig("stranger.kubeconfig", {"token": control_plane.account_token(name)})
    stranger, stop = open_following(control_plane, kubeconfig), threading.Event()
    stranger.cluster.follow(stop)
    eventually(lambda: stranger.turns("failed")[0] > 0, "a list that is refused")
    stop.set()
    assert stranger.labels(name) is None
    assert "refuses" in stranger.cluster.late()
    with pytest.raises(Unavailable) as caught:
        stranger.cluster.fetch_pull_secrets(name, "default", ["login"], deadline())
    assert caught.value.code == "cluster_unavailable"


def test_pull_secrets_of_a_pod_and_of_its_account_are_fetched(following: Following, name: str) -> None:
    plane = following.plane
    plane.create_namespace(name)
    for secret, kind, key in (
        ("own", "kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
        ("older", "kubernetes.io/dockercfg", ".dockercfg"),
        ("other", "Opaque", ".dockerconfigjson"),
    ):
        document = {"metadata": {"name": secret}, "type": kind, "data": {key: base64.b64encode(CONFIG).decode()}}
        plane.create(f"/api/v1/namespaces/{name}/secrets", {"apiVersion": "v1", "kind": "Secret", **document})
    account = {"metadata": {"name": "robot"}, "imagePullSecrets": [{"name": "older"}]}
    plane.create(
        f"/api/v1/namespaces/{name}/serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", **account}
    )

    def fetch(service_account: str, *named: str) -> list[bytes]:
        return list(following.cluster.fetch_pull_secrets(name, service_account, named, deadline()))

    assert fetch("default") == fetch("nobody", "missing", "other") == []
    assert fetch("default", "own") == fetch("robot") == [CONFIG]
    assert fetch("robot", "own") == [CONFIG, CONFIG]


def test_what_happens_to_a_replica_set_is_known(following: Following, name: str) -> None:
    plane = following.plane
    plane.create_namespace(name)
    create_replica_set(plane, name, "tagged", "registry.example/tagged:v1", replicas=1)
    path = create_replica_set(plane, name, "app", APP, replicas=0)
    last = create_replica_set(plane, name, "other", OTHER, replicas=1)
    eventually(lambda: following.wanted(name) == [OTHER], "the image of the one that is to have a Pod")
    eventually(lambda: scale(plane, path), "its scale")
    eventually(lambda: set(following.wanted(name) or ()) == {APP, OTHER}, "the image of the one that was scaled")
    assert plane.call("DELETE", last).ok
    eventually(lambda: following.wanted(name) == [APP], "the end of the other")
    assert following.metrics.unreadable == {}
