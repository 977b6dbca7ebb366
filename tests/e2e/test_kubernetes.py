"""Admission by a real API server: objects as users and controllers create them."""

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures.guarded_cluster import GuardedCluster, pod
from tests.fixtures.polling import eventually

pytestmark = [pytest.mark.tools, pytest.mark.timeout(600)]


def deployment(image: str) -> dict[str, object]:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod("web", image)["spec"]},
        },
    }


def test_a_pod_runs_the_digest_that_was_judged(guarded: GuardedCluster, namespace: str) -> None:
    created = guarded.create_pod(namespace, guarded.released.tagged)
    assert created.status_code == 201, created.text
    stored = guarded.get(f"/api/v1/namespaces/{namespace}/pods/web")
    assert [item["image"] for item in stored["spec"]["containers"]] == [guarded.pinned_tag]
    annotations = guarded.annotations(namespace)
    for hook in ("mutate", "validate"):
        assert annotations[f"{hook}.assay.dev/images"] == guarded.released.digest.text
        assert annotations[f"{hook}.assay.dev/decision"]


def test_an_unsigned_image_is_denied_with_its_reason(guarded: GuardedCluster, namespace: str) -> None:
    image = guarded.unsigned("denied by the cluster")
    denied = guarded.create_pod(namespace, image)
    assert denied.status_code == 403
    message = denied.json()["message"]
    assert message.startswith('admission webhook "mutate.assay.dev" denied the request: unsigned')
    assert image.partition("@")[2] in message
    assert guarded.annotations(namespace)["mutate.assay.dev/reason"] == "unsigned"
    assert guarded.plane.call("GET", f"/api/v1/namespaces/{namespace}/pods/web").status_code == 404


def test_a_dry_run_has_the_same_verdict_and_leaves_nothing(guarded: GuardedCluster, namespace: str) -> None:
    answer = guarded.create_pod(namespace, guarded.released.tagged, dry_run=True)
    assert answer.status_code == 201
    assert answer.json()["spec"]["containers"][0]["image"] == guarded.pinned_tag
    assert guarded.create_pod(namespace, guarded.unsigned("a dry run"), dry_run=True).status_code == 403
    assert guarded.get(f"/api/v1/namespaces/{namespace}/pods")["items"] == []


def test_the_pods_that_controllers_create_are_pinned(guarded: GuardedCluster, namespace: str) -> None:
    guarded.plane.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment(guarded.released.tagged))

    def images() -> list[str]:
        items = guarded.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        return [item["spec"]["containers"][0]["image"] for item in items]

    eventually(lambda: len(images()) == 2, "two Pods of the Deployment")
    assert set(images()) == {guarded.pinned_tag}


def test_a_deployment_of_an_unsigned_image_is_denied_where_it_is_written(
    guarded: GuardedCluster, namespace: str
) -> None:
    image = guarded.unsigned("in a template")
    answer = guarded.plane.call("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment(image))
    assert answer.status_code == 403
    assert "/spec/template/spec/containers/0/image" in answer.json()["message"]


@pytest.mark.parametrize("role", ["initContainers", "volumes"])
def test_the_other_images_of_a_pod_are_judged(guarded: GuardedCluster, namespace: str, role: str) -> None:
    def create(image: str, name: str) -> tuple[int, str]:
        source: object = {"reference": image} if role == "volumes" else image
        spec = {role: [{"name": "other", "image": source}]}
        answer = guarded.create_pod(namespace, guarded.released.tagged, name=name, spec=spec)
        return answer.status_code, answer.text

    assert create(guarded.unsigned(f"among {role}"), "denied")[0] == 403
    status, text = create(guarded.released.tagged, "allowed")
    assert (status, text.count(f'"{guarded.pinned_tag}"')) == (201, 2), text


def test_an_ephemeral_container_is_judged(guarded: GuardedCluster, namespace: str) -> None:
    assert guarded.create_pod(namespace, guarded.released.tagged).ok
    path = f"/api/v1/namespaces/{namespace}/pods/web"

    def debug(image: str) -> int:
        current = guarded.get(path)
        current["spec"]["ephemeralContainers"] = [{"name": "debug", "image": image}]
        return guarded.plane.call("PUT", f"{path}/ephemeralcontainers", current).status_code

    assert debug(guarded.unsigned("for debugging")) == 403
    assert debug(guarded.released.tagged) == 200
    assert guarded.get(path)["spec"]["ephemeralContainers"][0]["image"] == guarded.pinned_tag


def test_an_object_that_keeps_its_images_can_be_changed_and_deleted(guarded: GuardedCluster, namespace: str) -> None:
    assert guarded.create_pod(namespace, guarded.released.tagged).ok
    path = f"/api/v1/namespaces/{namespace}/pods/web"
    current = guarded.get(path)
    current["metadata"]["labels"] = {"tier": "gold"}
    assert guarded.plane.call("PUT", path, current).ok
    assert guarded.plane.call("DELETE", path).ok


def test_the_stack_follows_the_namespaces(guarded: GuardedCluster, namespace: str) -> None:
    assert namespace
    answer = requests.get(f"{guarded.stack.service_url}/metrics", timeout=10)
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["assay_cluster_watches_total", "listed", "namespaces"] >= 1
    assert samples["assay_cluster_confirmed_timestamp_seconds", "namespaces"] > 0


def test_nothing_runs_while_the_webhook_is_down(guarded: GuardedCluster, namespace: str) -> None:
    guarded.stack.stop_service()
    answer = guarded.create_pod(namespace, guarded.released.tagged)
    assert answer.status_code == 500
    assert "failed calling webhook" in answer.json()["message"]
    guarded.stack.start_service()
    guarded.register()
    eventually(lambda: guarded.create_pod(namespace, guarded.released.tagged).ok, "a Pod after the outage")
