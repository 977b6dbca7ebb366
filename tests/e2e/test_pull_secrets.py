"""Images of a registry that only the Pod's own pull secrets open."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.stack import run_assay
from tests.fixtures.guarded_cluster import GuardedCluster, guard, service_account_kubeconfig
from tests.fixtures.kubernetes import ControlPlane
from tests.fixtures.registries import PASSWORD, USER, distribution, distribution_users
from tests.fixtures.stacks import MakeSpare

pytestmark = [pytest.mark.tools, pytest.mark.timeout(600)]
WITH_LOGIN = {"imagePullSecrets": [{"name": "login"}]}


@dataclass(frozen=True, kw_only=True)
class Private:
    """A guarded cluster, and the released image in a registry that knows one user."""

    cluster: GuardedCluster
    host: str

    @property
    def image(self) -> str:
        return f"{self.host}/age@{self.cluster.released.digest}"

    def create_secret(self, namespace: str, password: str = PASSWORD) -> None:
        """Create the pull secret `login` in a namespace."""
        content = base64.b64encode(login(self.host, password)).decode()
        document = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "login"},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": content},
        }
        self.cluster.plane.create(f"/api/v1/namespaces/{namespace}/secrets", document)

    def run(self, namespace: str, name: str, spec: Mapping[str, object] | None = None) -> tuple[int, Mapping[str, str]]:
        """Ask for a Pod with the private image; the status and what the audit log says."""
        status = self.cluster.create_pod(namespace, self.image, name=name, spec=spec).status_code
        return status, self.cluster.annotations(namespace, name)


def login(host: str, password: str = PASSWORD) -> bytes:
    return json.dumps({"auths": {host: {"username": USER, "password": password}}}).encode()


@pytest.fixture(scope="module")
def private(
    control_plane: ControlPlane, make_spare: MakeSpare, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Private]:
    folder = tmp_path_factory.mktemp("private")
    kubeconfig = service_account_kubeconfig(control_plane)
    unauthenticated = "pull_secrets: true, unsafe_pull_secrets_without_client_ca: true"
    spare = make_spare(settings=f"cluster: {{kubeconfig: {kubeconfig}, {unauthenticated}}}\n")
    with distribution(folder, section=distribution_users(folder)) as host:
        spare.stack.contacted, spare.stack.allowed = (host,), (f"{spare.stack.registry.host}/age", f"{host}/age")
        with guard(control_plane, spare) as cluster:
            copy_as_user(folder, spare.released.pinned, f"{host}/age:1.3.2")
            yield Private(cluster=cluster, host=host)


def copy_as_user(folder: Path, source: str, target: str) -> None:
    """Copy an image with its evidence, logged in to the target's registry."""
    (folder / "config.json").write_bytes(login(target.partition("/")[0]))
    run_assay("copy", source, target, environment={"DOCKER_CONFIG": str(folder)})


@pytest.fixture
def team(private: Private) -> str:
    return private.cluster.create_namespace()


def test_a_pod_with_the_secret_runs_and_one_without_it_does_not(private: Private, team: str) -> None:
    private.create_secret(team)
    assert private.run(team, "with", WITH_LOGIN)[0] == 201
    status, annotations = private.run(team, "without")
    assert (status, annotations["mutate.assay.dev/code"]) == (403, "registry_denied")


def test_the_secret_of_another_namespace_opens_nothing(private: Private, team: str) -> None:
    private.create_secret(private.cluster.create_namespace())
    status, annotations = private.run(team, "web", WITH_LOGIN)
    assert (status, annotations["mutate.assay.dev/code"]) == (403, "registry_denied")


def test_the_secret_of_the_service_account_opens_its_registry(private: Private, team: str) -> None:
    private.create_secret(team)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}
    path = f"/api/v1/namespaces/{team}/serviceaccounts"
    private.cluster.plane.create(path, {**account, "imagePullSecrets": [{"name": "login"}]})
    assert private.run(team, "web", {"serviceAccountName": "robot"})[0] == 201


def test_a_wrong_password_opens_nothing(private: Private, team: str) -> None:
    private.create_secret(team, "wrong")
    status, annotations = private.run(team, "web", WITH_LOGIN)
    assert (status, annotations["mutate.assay.dev/code"]) == (403, "registry_denied")
