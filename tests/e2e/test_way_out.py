"""Installing what `assay webhook manifest` prints, and the way out, on a real API server with no webhook at all."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.domain.digest import Digest
from assay_webhooks.certificate import issue_serving_certificate
from demo.stack import TOOLS, free_port
from tests.fixtures.guarded_cluster import OURS
from tests.fixtures.kubernetes import DEFINITIONS, ControlPlane, define_kind
from tests.fixtures.polling import eventually
from tests.unit.webhooks.test_commands import CONFIGURATION, RULE_DATA

pytestmark = pytest.mark.tools
API = "/apis/admissionregistration.k8s.io/v1"
RESOURCES = (
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "validatingadmissionpolicybindings",
    "validatingadmissionpolicies",
)
ELSEWHERE = "  custom_resources: {kinds: [{api_version: a.test/v1, kind: Boat, resource: boats, images: [image]}]}\n"
IMAGE = f"registry.example/web:1@{Digest.of(b'image')}"


def assay(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "assay", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def installed(control_plane: ControlPlane, tmp_path: Path) -> Iterator[ControlPlane]:
    """A cluster with a webhook that is registered, armed and not there."""
    files = issue_serving_certificate(["127.0.0.1"], datetime.now(UTC), timedelta(days=1))
    (tmp_path / "ca.crt").write_bytes(files.ca_pem)
    (tmp_path / "rule-data.json").write_text(json.dumps(RULE_DATA))
    (tmp_path / "assay.yaml").write_text(CONFIGURATION.replace("  tls:", f"{ELSEWHERE}  tls:"))
    where = ["--url", f"https://127.0.0.1:{free_port()}", "--ca", tmp_path / "ca.crt"]
    printed = assay("webhook", "manifest", "--config", tmp_path / "assay.yaml", *where)
    assert printed.returncode == 0, printed.stderr
    (tmp_path / "manifest.yaml").write_text(printed.stdout)
    kubectl(control_plane, "apply", "--server-side", "-f", tmp_path / "manifest.yaml")
    yield control_plane
    for resource in RESOURCES:
        control_plane.call("DELETE", f"{API}/{resource}?labelSelector={OURS}")
    eventually(lambda: create(control_plane, "web") == "", "the end of the webhook and the policy")


def kubectl(plane: ControlPlane, *arguments: object) -> None:
    command = [TOOLS / "kubectl", "--kubeconfig", plane.folder / "admin.kubeconfig", *arguments]
    finished = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def create(plane: ControlPlane, image: str) -> str:
    """What stands against a Pod with this image; empty when nothing does."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "p-"},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }
    answer = plane.call("POST", "/api/v1/namespaces/default/pods?dryRun=All", pod)
    return "" if answer.status_code == 201 else str(answer.json()["message"])


def change(plane: ControlPlane, action: str) -> dict[str, Any]:
    kubeconfig = plane.folder / "admin.kubeconfig"
    finished = assay("webhook", action, "--kubeconfig", kubeconfig, "--reason", "rehearsal", "--output", "json")
    assert finished.returncode == 0, finished.stderr
    outcome: dict[str, Any] = json.loads(finished.stdout)
    return outcome


def test_the_api_server_takes_the_manifest_as_it_is_printed(installed: ControlPlane, tmp_path: Path) -> None:
    printed: list[dict[str, Any]] = list(yaml.safe_load_all((tmp_path / "manifest.yaml").read_text()))
    for resource, document in zip(RESOURCES[:2], printed[:2], strict=True):
        stored = installed.call("GET", f"{API}/{resource}/assay").json()
        assert stored["webhooks"] == document["webhooks"]


def test_a_dead_webhook_lets_nothing_start_until_it_is_disarmed(installed: ControlPlane) -> None:
    eventually(lambda: "failed calling webhook" in create(installed, IMAGE), "the webhook")
    outcome = change(installed, "disarm")
    assert (outcome["by"], len(outcome["changed"])) == ("admin", 2)
    eventually(lambda: create(installed, IMAGE) == "", "the end of the webhook")
    eventually(lambda: "not pinned by digest" in create(installed, "web"), "the static policy")
    change(installed, "arm")
    eventually(lambda: "failed calling webhook" in create(installed, IMAGE), "the webhook again")


def test_the_record_of_the_way_out_stays(installed: ControlPlane) -> None:
    change(installed, "disarm")
    change(installed, "arm")
    for resource in RESOURCES[:2]:
        stored = installed.call("GET", f"{API}/{resource}/assay").json()
        records = json.loads(stored["metadata"]["annotations"]["assay.dev/history"])
        assert [(record["action"], record["by"], record["reason"]) for record in records] == [
            ("disarm", "admin", "rehearsal"),
            ("arm", "admin", "rehearsal"),
        ]


MERGE = {"Content-Type": "application/merge-patch+json"}
SPEC = {"containers": [{"name": "c", "image": IMAGE}]}
FINALIZED = {"generateName": "p-", "finalizers": ["a.test/f"]}


@pytest.mark.parametrize(
    ("plural", "members", "change_of_images"),
    [
        ("pods", {"spec": SPEC}, {"spec": {"activeDeadlineSeconds": 60}}),
        ("podtemplates", {"template": {"spec": SPEC}}, {"template": {"spec": {"activeDeadlineSeconds": 60}}}),
    ],
)
def test_labels_and_finalizers_can_be_changed_while_the_webhook_is_dead(
    installed: ControlPlane, plural: str, members: dict[str, Any], change_of_images: dict[str, Any]
) -> None:
    change(installed, "disarm")
    eventually(lambda: create(installed, IMAGE) == "", "the end of the webhook")
    created = installed.create(f"/api/v1/namespaces/default/{plural}", {"metadata": FINALIZED, **members})
    change(installed, "arm")
    eventually(lambda: "failed calling webhook" in create(installed, IMAGE), "the webhook again")
    path = f"/api/v1/namespaces/default/{plural}/{created['metadata']['name']}"
    freed = installed.call("PATCH", path, {"metadata": {"finalizers": None, "labels": {"a": "b"}}}, **MERGE)
    assert freed.ok, freed.text
    replaced = installed.call("PATCH", path, change_of_images, **MERGE)
    assert "failed calling webhook" in replaced.json()["message"]
    assert installed.call("DELETE", path).ok


def test_an_object_whose_images_may_stand_anywhere_waits_for_the_webhook(installed: ControlPlane) -> None:
    boats = "/apis/a.test/v1/namespaces/default/boats"
    installed.create(DEFINITIONS, define_kind("Boat", group="a.test"))
    eventually(lambda: installed.call("GET", boats).ok, "the kind Boat")
    change(installed, "disarm")
    boat = {"apiVersion": "a.test/v1", "kind": "Boat", "metadata": {"name": "b"}, "image": IMAGE}
    eventually(lambda: installed.call("POST", boats, boat).status_code in {201, 409}, "the end of the webhook")
    change(installed, "arm")
    eventually(lambda: "failed calling webhook" in create(installed, IMAGE), "the webhook again")
    answers = [
        installed.call("PATCH", f"{boats}/b?dryRun=All", changed, **MERGE)
        for changed in ({"metadata": {"labels": {"a": "b"}}}, {"image": "other"})
    ]
    assert all("failed calling webhook" in answer.json()["message"] for answer in answers)
    assert installed.call("DELETE", f"{DEFINITIONS}/boats.a.test").ok
