"""Tenants by label, modes of rules, exempt namespaces and custom resources, with a real API server."""

import json
from collections.abc import Iterator

import pytest

from demo.admission import review_of_pod, send_review
from demo.stack import ENVIRONMENT, TENANT
from tests.fixtures.guarded_cluster import GuardedCluster, guard, service_account_kubeconfig
from tests.fixtures.kubernetes import DEFINITIONS, ControlPlane, define_kind
from tests.fixtures.polling import eventually
from tests.fixtures.stacks import MakeSpare

pytestmark = [pytest.mark.tools, pytest.mark.timeout(600)]
PIPELINES = "/apis/example.com/v1/namespaces/{}/pipelines"
MODES = ("warn", "shadow", "enforce")


def elsewhere(mode: str) -> dict[str, object]:
    """Demands that an image of the stack's registry does not meet, which counts as far as the mode says."""
    return {"allowed_registries": ["registry.invalid/elsewhere"], "modes": {"registry.allowed": mode}}


@pytest.fixture(scope="module")
def shared(control_plane: ControlPlane, make_spare: MakeSpare) -> Iterator[GuardedCluster]:
    """A cluster in which the label `tier: gold` names the tenant, `free-for-all` is exempt and Pipelines are judged."""
    control_plane.create(DEFINITIONS, define_kind("Pipeline", group="example.com"))
    eventually(lambda: control_plane.call("GET", PIPELINES.format("default")).ok, "the kind Pipeline")
    control_plane.create_namespace("free-for-all")
    spare = make_spare(settings=f"cluster: {{kubeconfig: {service_account_kubeconfig(control_plane)}}}\n")
    spare.stack.environments = {mode: elsewhere(mode) for mode in MODES}
    tenants = [
        {"match": {"labels": {"tier": tier}}, "tenant": TENANT, "environment": environment}
        for tier, environment in (("gold", ENVIRONMENT), *((mode, mode) for mode in MODES))
    ]
    kind = {
        "api_version": "example.com/v1",
        "kind": "Pipeline",
        "resource": "pipelines",
        "images": ["spec.steps[*].image"],
    }
    spare.stack.covering = (
        f"tenants: {json.dumps(tenants)}",
        "exempt_namespaces: [free-for-all]",
        f"custom_resources: {json.dumps({'kinds': [kind]})}",
    )
    with guard(control_plane, spare) as cluster:
        yield cluster
    control_plane.call("DELETE", f"{DEFINITIONS}/pipelines.example.com")


@pytest.fixture
def gold(shared: GuardedCluster) -> str:
    return shared.create_namespace(tier="gold")


def test_the_label_of_a_namespace_chooses_its_tenant(shared: GuardedCluster, gold: str) -> None:
    assert shared.create_pod(gold, shared.released.tagged).status_code == 201
    nobody = shared.plane.create_namespace("without-a-tenant")
    denied = shared.create_pod(nobody, shared.released.tagged)
    assert (denied.status_code, "namespace_unmatched" in denied.json()["message"]) == (403, True)


def test_a_namespace_that_changes_its_label_changes_its_tenant(shared: GuardedCluster, gold: str) -> None:
    path = f"/api/v1/namespaces/{gold}"
    document = shared.get(path)
    document["metadata"]["labels"]["tier"] = "lead"
    assert shared.plane.call("PUT", path, document).ok
    eventually(
        lambda: "namespace_unmatched" in shared.create_pod(gold, shared.released.tagged, dry_run=True).text,
        "the new label to count",
    )


def test_a_namespace_that_the_cluster_does_not_have_is_unknown_and_may_be_repeated(shared: GuardedCluster) -> None:
    review = review_of_pod(shared.released.tagged)
    review["request"]["namespace"] = "nowhere"
    response = send_review(shared.stack, "mutate", review)
    assert not response["allowed"]
    assert response["auditAnnotations"]["code"] == "namespace_unknown"
    assert response["auditAnnotations"]["reason"] == "retryable"


@pytest.mark.parametrize(
    ("mode", "status", "warned"), [("warn", 201, True), ("shadow", 201, False), ("enforce", 403, False)]
)
def test_a_rule_counts_as_far_as_its_mode_says(shared: GuardedCluster, mode: str, status: int, *, warned: bool) -> None:
    namespace = shared.create_namespace(tier=mode)
    answer = shared.create_pod(namespace, shared.released.tagged)
    assert answer.status_code == status, answer.text
    assert ("registry.allowed" in answer.headers.get("Warning", "")) is warned


def test_an_exempt_namespace_is_left_alone(shared: GuardedCluster, gold: str) -> None:
    image = shared.unsigned("in an exempt namespace")
    assert shared.create_pod(gold, image).status_code == 403
    assert shared.create_pod("free-for-all", image).status_code == 201


def test_the_images_of_a_custom_resource_are_judged_and_pinned(shared: GuardedCluster, gold: str) -> None:
    def create(name: str, *images: str) -> tuple[int, str]:
        steps = [{"name": str(number), "image": image} for number, image in enumerate(images)]
        document = {"apiVersion": "example.com/v1", "kind": "Pipeline", "metadata": {"name": name}}
        answer = shared.plane.call("POST", PIPELINES.format(gold), {**document, "spec": {"steps": steps}})
        return answer.status_code, answer.text

    status, text = create("good", shared.released.tagged)
    assert (status, f'"{shared.pinned_tag}"' in text) == (201, True), text
    status, text = create("bad", shared.released.tagged, shared.unsigned("in a pipeline"))
    assert (status, "/spec/steps/1/image" in text) == (403, True), text
    status, text = create("empty")
    assert (status, "no_images_found" in text) == (403, True), text
