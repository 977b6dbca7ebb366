"""Templates that are not pinned, and changes of what runs already, with a real API server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures.guarded_cluster import GuardedCluster, guard, pod, service_account_kubeconfig
from tests.fixtures.kubernetes import ControlPlane
from tests.fixtures.polling import eventually
from tests.fixtures.stacks import MakeSpare

pytestmark = [pytest.mark.tools, pytest.mark.timeout(600)]
OLDER = "/apis/apps/v1/namespaces/older/deployments"


def deployment(image: str) -> dict[str, Any]:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": pod("web", image)["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


@pytest.fixture(scope="module")
def selective(control_plane: ControlPlane, make_spare: MakeSpare) -> Iterator[GuardedCluster]:
    """A cluster in which only Pods are pinned and host namespaces are forbidden; one Deployment is older than that."""
    spare = make_spare(settings=f"cluster: {{kubeconfig: {service_account_kubeconfig(control_plane)}}}\n")
    spare.stack.covering = (*spare.stack.covering, "pin: pods")
    spare.stack.demanded = ("workload.host_namespaces",)
    control_plane.create_namespace("older")
    control_plane.create(OLDER, deployment(f"{spare.released.repository}@sha256:{'0' * 64}"))
    with guard(control_plane, spare) as cluster:
        yield cluster


def test_only_pods_are_pinned_and_templates_are_judged(selective: GuardedCluster) -> None:
    namespace = selective.create_namespace()
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"

    created = selective.plane.create(path, deployment(selective.released.tagged))
    assert created["spec"]["template"]["spec"]["containers"][0]["image"] == selective.released.tagged
    pods = f"/api/v1/namespaces/{namespace}/pods"
    eventually(lambda: len(selective.get(pods)["items"]) == 1, "the Pod of the Deployment")
    assert selective.get(pods)["items"][0]["spec"]["containers"][0]["image"] == selective.pinned_tag
    denied = selective.plane.call("POST", path, deployment(selective.unsigned("in a template")))
    assert (denied.status_code, "unsigned" in denied.json()["message"]) == (403, True)


def test_what_runs_can_be_edited_but_asks_for_no_more_of_its_node(selective: GuardedCluster) -> None:
    selective.create_namespace()  # from now on the webhook is asked

    def change(**spec: object) -> Any:
        return patch(selective, {"spec": {"template": {"spec": spec}}})

    assert patch(selective, {"spec": {"replicas": 0}}).ok
    assert change(terminationGracePeriodSeconds=7).ok
    assert "workload.host_namespaces" in change(hostNetwork=True).json()["message"]
    image = selective.unsigned("newer than the webhook")
    assert "unsigned" in change(containers=[{"name": "main", "image": image}]).json()["message"]
    assert selective.plane.call("DELETE", f"{OLDER}/web").ok


def patch(selective: GuardedCluster, document: object) -> Any:
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    return selective.plane.call("PATCH", f"{OLDER}/web", json.loads(json.dumps(document)), **headers)
