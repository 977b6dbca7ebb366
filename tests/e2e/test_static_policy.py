"""The policy that the API server evaluates by itself, on a real API server and without any webhook."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay_webhooks.namespace_guard import GUARD_NAME, render_namespace_guard
from assay_webhooks.static_policy import AllowedRegistries, render_static_policy
from tests.fixtures.kubernetes import ControlPlane
from tests.fixtures.polling import eventually

pytestmark = pytest.mark.tools
PIN = f"@{Digest.of(b'image')}"
GOOD = f"registry.example/team-a/web:1{PIN}"
API = "/apis/admissionregistration.k8s.io/v1"
ALLOWED = (
    AllowedRegistries(names=("hub",), prefixes=("docker.io", "localhost:5000")),
    AllowedRegistries(labels=(("tier", "b"),), prefixes=("registry.example/team-b",)),
    AllowedRegistries(names=("none",)),
    AllowedRegistries(prefixes=("registry.example/team-a", "[::1]:5000/")),
)
Json = dict[str, Any]


def pod(*images: str, **spec: object) -> Json:
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "p-"},
        "spec": {"containers": containers, **spec},
    }


@pytest.fixture(scope="module")
def guarded(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster whose policy guards templates too."""
    policy, binding = render_static_policy(ALLOWED, exempt_namespaces=frozenset({"free"}), templates=True)
    for name, labels in {"free": {}, "hub": {}, "b": {"tier": "b"}, "none": {}}.items():
        control_plane.create_namespace(name, **labels)
    paths = f"{API}/validatingadmissionpolicies", f"{API}/validatingadmissionpolicybindings"
    for path, document in zip(paths, (policy, binding), strict=True):
        control_plane.create(path, document)
    eventually(lambda: refusal(control_plane, pod("unpinned")) != "", "the policy")
    yield control_plane
    for path in reversed(paths):
        control_plane.call("DELETE", f"{path}/assay")


def refusal(plane: ControlPlane, document: Json, *, namespace: str = "default") -> str:
    """What the API server says against a Pod, without creating it; empty when it takes it."""
    answer = plane.call("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", document)
    assert answer.status_code in {201, 403}, answer.text
    return "" if answer.status_code == 201 else str(answer.json()["message"])


def test_the_type_check_has_no_warnings(guarded: ControlPlane) -> None:
    path = f"{API}/validatingadmissionpolicies/assay"
    eventually(lambda: "observedGeneration" in guarded.call("GET", path).json().get("status", {}), "the type check")
    status = guarded.call("GET", path).json()["status"]
    assert status.get("typeChecking", {}).get("expressionWarnings", []) == []


def test_a_pinned_image_of_an_allowed_registry_passes(guarded: ControlPlane) -> None:
    assert refusal(guarded, pod(GOOD)) == ""


@pytest.mark.parametrize(
    "image",
    [
        "registry.example/team-a/web:1",
        f"registry.example/team-a/web@sha256:{'A' * 64}",
        f"registry.example/team-a/web@sha256:{'a' * 63}",
        f"registry.example/team-a/we b{PIN}",
    ],
)
def test_an_image_without_a_whole_digest_is_refused(guarded: ControlPlane, image: str) -> None:
    assert "not pinned by digest: " in refusal(guarded, pod(image))


@pytest.mark.parametrize(
    "name",
    [
        "registry.example/team-ab/web",
        "registry.example/team-b/web",
        "registry.example:5000/team-a/web",
        "evil.example/registry.example/team-a/web",
        "registry.example/team-a/../team-b/web",
        "team-a/web",
        "web",
    ],
)
def test_an_image_from_elsewhere_is_refused(guarded: ControlPlane, name: str) -> None:
    assert "from a registry that is not allowed" in refusal(guarded, pod(GOOD, f"{name}{PIN}"))


@pytest.mark.parametrize("name", ["registry.example/team-a", "Registry.Example/team-a/web:1", "[::1]:5000/web"])
def test_what_a_prefix_covers_passes(guarded: ControlPlane, name: str) -> None:
    assert refusal(guarded, pod(f"{name}{PIN}")) == ""


@pytest.mark.parametrize("name", ["web:1", "team/web", "docker.io/web", "index.docker.io/team/web", "localhost:5000/w"])
def test_docker_hub_has_one_name(guarded: ControlPlane, name: str) -> None:
    assert refusal(guarded, pod(f"{name}{PIN}"), namespace="hub") == ""
    assert refusal(guarded, pod(f"{name}{PIN}")) != ""


def test_the_first_tenant_that_matches_a_namespace_counts(guarded: ControlPlane) -> None:
    other = f"registry.example/team-b/web{PIN}"
    assert refusal(guarded, pod(other), namespace="b") == ""
    assert refusal(guarded, pod(GOOD), namespace="b") != ""
    assert refusal(guarded, pod(GOOD), namespace="none") != ""
    assert refusal(guarded, pod("anything"), namespace="free") == ""


@pytest.mark.parametrize(
    "spec",
    [
        {"initContainers": [{"name": "i", "image": "web"}]},
        {"initContainers": [{"name": "i", "image": "web", "restartPolicy": "Always"}]},
        {"volumes": [{"name": "v", "image": {"reference": "web"}}]},
    ],
)
def test_every_place_of_an_image_is_looked_at(guarded: ControlPlane, spec: Json) -> None:
    assert "not pinned" in refusal(guarded, pod(GOOD, **spec))


def templated(kind: str, image: str) -> tuple[str, Json]:
    """The path and an object of a kind whose Pods run this image."""
    labels = {"app": "web"}
    spec = pod(image)["spec"] | ({"restartPolicy": "Never"} if kind in {"Job", "CronJob"} else {})
    template = {"metadata": {"labels": labels}, "spec": spec}
    selected = {"selector": {"matchLabels": labels}, "template": template}
    groups = {
        "PodTemplate": ("v1", {"template": template}),
        "ReplicationController": ("v1", {"spec": {"selector": labels, "template": template}}),
        "Deployment": ("apps/v1", {"spec": selected}),
        "ReplicaSet": ("apps/v1", {"spec": selected}),
        "StatefulSet": ("apps/v1", {"spec": {**selected, "serviceName": "web"}}),
        "DaemonSet": ("apps/v1", {"spec": selected}),
        "Job": ("batch/v1", {"spec": {"template": template}}),
        "CronJob": ("batch/v1", {"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}}}),
    }
    version, members = groups[kind]
    root = "/api/v1" if version == "v1" else f"/apis/{version}"
    document = {"apiVersion": version, "kind": kind, "metadata": {"generateName": "t-"}, **members}
    return f"{root}/namespaces/default/{kind.lower()}s?dryRun=All", document


@pytest.mark.parametrize(
    "kind",
    [
        "PodTemplate",
        "ReplicationController",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
    ],
)
def test_the_template_of_every_kind_is_looked_at(guarded: ControlPlane, kind: str) -> None:
    good, bad = (guarded.call("POST", *templated(kind, image)) for image in (GOOD, "web"))
    assert good.status_code == 201, good.text
    assert bad.status_code == 403
    assert "not pinned" in bad.json()["message"]


def test_an_update_that_changes_no_image_passes_and_one_that_does_is_judged(guarded: ControlPlane) -> None:
    guarded.call("DELETE", f"{API}/validatingadmissionpolicybindings/assay")
    eventually(lambda: refusal(guarded, pod("web")) == "", "the end of the policy")
    created = guarded.create("/api/v1/namespaces/default/pods", pod("web:old"))
    path = f"/api/v1/namespaces/default/pods/{created['metadata']['name']}"
    _, binding = render_static_policy(ALLOWED, exempt_namespaces=frozenset({"free"}), templates=True)
    guarded.create(f"{API}/validatingadmissionpolicybindings", binding)
    eventually(lambda: refusal(guarded, pod("web")) != "", "the policy")
    merge = {"Content-Type": "application/merge-patch+json"}
    assert guarded.call("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, **merge).status_code == 200
    changed = [{"op": "replace", "path": "/spec/containers/0/image", "value": "web:new"}]
    answer = guarded.call("PATCH", path, changed, **{"Content-Type": "application/json-patch+json"})
    assert answer.status_code == 403
    changed[0]["value"] = GOOD
    answer = guarded.call("PATCH", path, changed, **{"Content-Type": "application/json-patch+json"})
    assert answer.status_code == 200, answer.text


def test_ephemeral_containers_are_looked_at(guarded: ControlPlane) -> None:
    created = guarded.create("/api/v1/namespaces/default/pods", pod(GOOD))
    path = f"/api/v1/namespaces/default/pods/{created['metadata']['name']}/ephemeralcontainers"
    strategic = {"Content-Type": "application/strategic-merge-patch+json"}
    statuses = [
        guarded.call(
            "PATCH", path, {"spec": {"ephemeralContainers": [{"name": name, "image": image}]}}, **strategic
        ).status_code
        for name, image in (("bad", "web"), ("good", GOOD))
    ]
    assert statuses == [403, 200]


DEV = {"Impersonate-User": "dev"}
CREATOR = {**DEV, "Impersonate-Group": "platform"}
OTHER = {**DEV, "Impersonate-Group": "platform-readers"}
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def kept(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster in which `dev` may create namespaces, and the group `platform` alone the one named `vault`."""
    rule = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create"]}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "dev"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "dev"}
    control_plane.create(f"{RBAC}/clusterroles", {"metadata": {"name": "dev"}, "rules": [rule]})
    binding_of_role = {"metadata": {"name": "dev"}, "roleRef": role, "subjects": [subject]}
    control_plane.create(f"{RBAC}/clusterrolebindings", binding_of_role)
    policy, binding = render_namespace_guard(frozenset({"vault", "other-vault"}), creators="platform")
    paths = f"{API}/validatingadmissionpolicies", f"{API}/validatingadmissionpolicybindings"
    for path, document in zip(paths, (policy, binding), strict=True):
        control_plane.create(path, document)
    eventually(lambda: "exempt" in creation(control_plane, "vault", DEV), "the policy")
    yield control_plane
    for path in reversed(paths):
        control_plane.call("DELETE", f"{path}/{GUARD_NAME}")
    eventually(lambda: creation(control_plane, "vault", DEV) == "", "the end of the policy")


def creation(plane: ControlPlane, name: str, user: Mapping[str, str]) -> str:
    """What the API server says against a namespace, without creating it; empty when it takes it."""
    metadata = {"generateName": name} if name.endswith("-") else {"name": name}
    answer = plane.call("POST", "/api/v1/namespaces?dryRun=All", {"metadata": metadata}, **user)
    assert answer.status_code in {201, 403}, answer.text
    return "" if answer.status_code == 201 else str(answer.json()["message"])


@pytest.mark.parametrize("name", ["vault", "other-vault"])
@pytest.mark.parametrize("user", [DEV, OTHER])
def test_an_exempt_namespace_is_not_for_whoever_may_create_namespaces(
    kept: ControlPlane, name: str, user: dict[str, str]
) -> None:
    refused = creation(kept, name, user)
    assert f"{name} is exempt from admission: only the group platform may create it" in refused


def test_the_group_creates_an_exempt_namespace(kept: ControlPlane) -> None:
    assert creation(kept, "vault", CREATOR) == ""


@pytest.mark.parametrize("name", ["vaults", "my-vault", "vault-"])
def test_any_other_namespace_is_created_as_before(kept: ControlPlane, name: str) -> None:
    assert creation(kept, name, DEV) == ""


def test_an_exempt_namespace_that_exists_can_be_changed_by_anybody_with_the_right(kept: ControlPlane) -> None:
    path = "/api/v1/namespaces/other-vault"
    kept.call("POST", "/api/v1/namespaces", {"metadata": {"name": "other-vault"}}, **CREATOR)
    merge = {"Content-Type": "application/merge-patch+json"}
    assert kept.call("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, **merge).ok
    assert kept.call("DELETE", path).ok


def test_the_type_check_of_the_guard_has_no_warnings(kept: ControlPlane) -> None:
    path = f"{API}/validatingadmissionpolicies/{GUARD_NAME}"
    eventually(lambda: "observedGeneration" in kept.call("GET", path).json().get("status", {}), "the type check")
    status = kept.call("GET", path).json()["status"]
    assert status.get("typeChecking", {}).get("expressionWarnings", []) == []
