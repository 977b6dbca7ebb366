"""The installation by hand of docs/operations.md, a rotation and the way out, rehearsed on a real API server."""

import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from assay.domain.digest import Digest
from assay.formats.public_key import render_public_key
from demo.stack import TOOLS, free_port, start_process, stop_process, wait_for
from tests.fakes.signing import FakeAuthority
from tests.fixtures.guarded_cluster import OURS
from tests.fixtures.kubernetes import ControlPlane
from tests.fixtures.polling import eventually

pytestmark = [pytest.mark.tools, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
API = "/apis/admissionregistration.k8s.io/v1"
RESOURCES = (
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "validatingadmissionpolicybindings",
    "validatingadmissionpolicies",
)
CONFIGURATION = """\
version: 1
state: state
origin: assay.example/assay/test
service:
  listen: 127.0.0.1:{service}
  local: {{tenant: demo, environments: [prod], roles: [gate, audit]}}
webhook:
  listen: 127.0.0.1:{webhook}
  workers: 1
  lame_duck_seconds: 0
  exempt_namespaces: [kube-system]
  tls: {{certificate: tls/tls.crt, key: tls/tls.key}}
  tenant: demo
  environment: prod
cluster: {{kubeconfig: {kubeconfig}}}
policy: {{bundle: {root}/policies, rule_data: rule-data.json}}
opa: {{path: opa}}
authorities:
  release: {{keys: [release.pub]}}
registries: {{only: ["registry.example"]}}
"""
ELSEWHERE = f"elsewhere.example/web@{Digest.of(b'image')}"


@dataclass(kw_only=True)
class Installation:
    """A folder with a configuration, certificates and the service that runs from it."""

    folder: Path
    plane: ControlPlane
    ports: Sequence[int]
    process: subprocess.Popen[bytes] | None = None

    @property
    def ca(self) -> Path:
        return self.folder / "tls" / "ca.crt"

    def assay(self, *arguments: object) -> str:
        command = [sys.executable, "-m", "assay", *map(str, arguments)]
        finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def apply(self, *options: str) -> None:
        """Print the manifest and apply it."""
        where = ["--url", f"https://127.0.0.1:{self.ports[1]}", "--ca", self.ca]
        printed = self.assay("webhook", "manifest", "--config", "assay.yaml", *where, *options)
        (self.folder / "manifest.yaml").write_text(printed)
        kubectl = [TOOLS / "kubectl", "--kubeconfig", self.plane.folder / "admin.kubeconfig", "apply", "--server-side"]
        command = [str(word) for word in (*kubectl, "--force-conflicts", "-f", self.folder / "manifest.yaml")]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr

    def start(self) -> None:
        log = self.folder / "service.log"
        self.process = start_process(
            [sys.executable, "-m", "assay", "serve", "--config", str(self.folder / "assay.yaml")], log
        )
        wait_for(f"https://127.0.0.1:{self.ports[1]}/readyz", self.process, log, ca=self.ca)

    def stop(self) -> None:
        if self.process is not None:
            stop_process(self.process)

    def change(self, action: str) -> None:
        kubeconfig = self.plane.folder / "admin.kubeconfig"
        self.assay("webhook", action, "--kubeconfig", kubeconfig, "--reason", "rehearsal")

    def refusal(self, image: str = ELSEWHERE) -> str:
        """What stands against a Pod; empty when nothing does."""
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "p-"}}
        spec = {"spec": {"containers": [{"name": "c", "image": image}]}}
        answer = self.plane.call("POST", "/api/v1/namespaces/default/pods?dryRun=All", {**pod, **spec})
        return "" if answer.status_code == 201 else str(answer.json()["message"])

    def recorded(self) -> list[dict[str, Any]]:
        """Changes in the decision log, newest first."""
        query = {"kind": "arming"}
        answer = requests.get(f"http://127.0.0.1:{self.ports[0]}/v1/decisions", params=query, timeout=30)
        found: list[dict[str, Any]] = answer.json()["decisions"]
        return found


@pytest.fixture
def installation(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Installation]:
    """Everything an installation needs but what the test does itself."""
    ports = free_port(), free_port()
    kubeconfig = control_plane.folder / "admin.kubeconfig"
    text = CONFIGURATION.format(service=ports[0], webhook=ports[1], kubeconfig=kubeconfig, root=ROOT)
    (tmp_path / "assay.yaml").write_text(text)
    shutil.copy(ROOT / "examples" / "configuration" / "rule-data.json", tmp_path)
    (tmp_path / "opa").symlink_to(TOOLS / "opa")
    (tmp_path / "release.pub").write_bytes(render_public_key(FakeAuthority().public_key()))
    made = Installation(folder=tmp_path, plane=control_plane, ports=ports)
    made.assay("webhook", "certificates", "make", "--folder", "tls", "--name", "127.0.0.1")
    try:
        yield made
    finally:
        made.stop()
        for resource in RESOURCES:
            control_plane.call("DELETE", f"{API}/{resource}?labelSelector={OURS}")
        eventually(lambda: made.refusal("web") == "", "the end of the webhook and the policy")


def is_denied_by_webhook(message: str) -> bool:
    return 'admission webhook "mutate.assay.dev" denied the request' in message


def test_an_installation_is_armed_when_everything_runs_and_survives_a_rotation(installation: Installation) -> None:
    installation.apply("--disarmed", "--no-static-policy")
    assert installation.refusal() == ""
    installation.start()
    installation.change("arm")
    eventually(lambda: is_denied_by_webhook(installation.refusal()), "a denial by the webhook")
    for step in ("stage", "switch", "finish"):
        installation.assay("webhook", "certificates", "rotate", "--folder", "tls", step)
        installation.apply("--no-static-policy")
        for _ in range(10):
            message = installation.refusal()
            assert is_denied_by_webhook(message), message
        if step == "switch":
            eventually(lambda: serves_the_file(installation), "the new certificate")


def serves_the_file(installation: Installation) -> bool:
    """Whether the webhook serves the certificate that lies in the folder: only then may the old authority go."""
    served = ssl.get_server_certificate(("127.0.0.1", installation.ports[1]))
    return served.strip() == (installation.folder / "tls" / "tls.crt").read_text().strip()


def test_the_way_out_of_a_dead_webhook_is_in_the_log_once_it_runs(installation: Installation) -> None:
    installation.apply()
    eventually(lambda: "failed calling webhook" in installation.refusal(ELSEWHERE), "the dead webhook")
    installation.change("disarm")
    eventually(lambda: "registry that is not allowed" in installation.refusal(ELSEWHERE), "the static policy")
    assert installation.refusal(f"registry.example/web@{Digest.of(b'image')}") == ""
    installation.start()
    (disarmed,) = eventually(installation.recorded, "the change in the log")
    assert (disarmed["verdict"], disarmed["images"]) == ("indeterminate", [])
    answer = requests.get(f"http://127.0.0.1:{installation.ports[0]}/v1/decisions/{disarmed['id']}", timeout=30)
    assert "webhook_disarmed" in json.dumps(answer.json())
    assert "rehearsal" in json.dumps(answer.json())
    installation.change("arm")
    eventually(lambda: is_denied_by_webhook(installation.refusal()), "a denial by the webhook again")
