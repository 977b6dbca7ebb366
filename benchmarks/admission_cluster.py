"""Rows behind a real API server: Deployments that many clients create at once, and the Pods that controllers make."""

import re
import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from assay.domain.reference import Reference
from benchmarks.admission_bench import Bench
from benchmarks.figure import Figure
from benchmarks.vegeta import LoadError
from demo.stack import TOOLS, run_assay
from tests.fixtures.kubernetes import ControlPlane, Json

_DEPLOYMENTS, _PARALLEL = 200, (20, 50)
_CONTAINERS, _INIT_CONTAINERS = 7, 3
_PATIENCE, _SETTLING = 600.0, 60.0
_CALLS = re.compile(r"^apiserver_admission_webhook_request_total\{.*\} (\S+)$", re.MULTILINE)


def deployments(bench: Bench, share: int) -> Iterator[Figure]:
    """Deployments of ten images each, created by many clients at once, and the Pod of each.

    The other rows bypass the API server; here it calls both hooks for every Deployment, ReplicaSet and Pod, and counts
    the calls.
    """
    images = bench.push_images(_CONTAINERS + _INIT_CONTAINERS, path="deployed")
    with _guarded_cluster(bench) as plane:
        for parallel in _PARALLEL:
            count = _DEPLOYMENTS // share
            figures, spent = bench.watch(partial(_create, plane, images, count, parallel))
            _account(bench, plane)
            yield from figures
            each = f"{_label(count, parallel)}: CPU of each, with ReplicaSet and Pod"
            yield Figure(name=each, value=spent * 1000 / count, unit="ms")


def _create(plane: ControlPlane, images: Sequence[Reference], count: int, parallel: int) -> Sequence[Figure]:
    namespace = plane.create_namespace(f"load-{secrets.token_hex(4)}")
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    begun = time.monotonic()
    with ThreadPoolExecutor(parallel) as pool:
        answers = list(pool.map(lambda number: plane.call("POST", path, _deployment(number, images)), range(count)))
    refused = [answer.text for answer in answers if not answer.ok]
    seconds = time.monotonic() - begun
    pods = _await_pods(plane, namespace, count - len(refused))
    label = _label(count, parallel)
    return (
        Figure(name=f"{label}: refused", value=len(refused), unit="", goal=0),
        Figure(name=f"{label}: without a Pod", value=count - pods, unit="", goal=0),
        Figure(name=f"{label}: failed", value=_failures(plane, namespace), unit="events", goal=0),
        Figure(name=f"{label}: created", value=(count - len(refused)) / seconds, unit="1/s"),
    )


def _account(bench: Bench, plane: ControlPlane) -> None:
    """Check that the log has one leaf for each call of the webhook since the API server and the log began.

    A review may be under way when they are counted: then they are counted again.
    """
    give_up = time.monotonic() + _SETTLING
    while True:
        try:
            bench.account(_count_reviews(plane) - bench.tree.size)
        except LoadError:
            if time.monotonic() > give_up:
                raise
            time.sleep(1)
        else:
            return


def _count_reviews(plane: ControlPlane) -> int:
    """How often the API server called one of the hooks, as it counts itself."""
    return sum(int(float(count)) for count in _CALLS.findall(plane.call("GET", "/metrics").text))


def _label(count: int, parallel: int) -> str:
    return f"admission, API server, {count} Deployments of 10 images, {parallel} at once"


def _await_pods(plane: ControlPlane, namespace: str, wanted: int) -> int:
    """The number of Pods, once there are as many as wanted or nobody can expect more."""
    give_up, found = time.monotonic() + _PATIENCE, 0
    while found < wanted and time.monotonic() < give_up:
        time.sleep(1)
        found = len(plane.call("GET", f"/api/v1/namespaces/{namespace}/pods").json()["items"])
    return found


def _failures(plane: ControlPlane, namespace: str) -> int:
    """How often controllers complained: a Pod that was refused once and created at the next attempt counts too."""
    events: list[Json] = plane.call("GET", f"/api/v1/namespaces/{namespace}/events").json()["items"]
    return sum(event.get("count") or 1 for event in events if event["type"] == "Warning")


def _deployment(number: int, images: Sequence[Reference]) -> Json:
    labels = {"app": f"front-{number}"}
    containers = [{"name": f"part-{place}", "image": str(image)} for place, image in enumerate(images)]
    spec = {"containers": containers[:_CONTAINERS], "initContainers": containers[_CONTAINERS:]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"front-{number}"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


@contextmanager
def _guarded_cluster(bench: Bench) -> Iterator[ControlPlane]:
    """A control plane that asks the stack's webhook, with what `assay webhook manifest` prints."""
    with TemporaryDirectory() as scratch:
        plane = ControlPlane(folder=Path(scratch))
        plane.prepare()
        try:
            plane.start()
            _register(bench, plane)
            yield plane
        finally:
            plane.stop()


def _register(bench: Bench, plane: ControlPlane) -> None:
    """Register the webhook and wait until it holds: an image that does not exist is denied then."""
    where = ["--url", bench.stack.webhook_url, "--ca", str(bench.stack.ca)]
    printed = run_assay("webhook", "manifest", "--config", str(bench.stack.configuration), *where).stdout
    kubectl = [str(TOOLS / "kubectl"), "--kubeconfig", str(plane.folder / "admin.kubeconfig")]
    command = [*kubectl, "apply", "--server-side", "--filename=-"]
    subprocess.run(command, input=printed, text=True, check=True, capture_output=True)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe"},
        "spec": {"containers": [{"name": "main", "image": f"{bench.proxy.host}/nothing@sha256:{'0' * 64}"}]},
    }
    give_up = time.monotonic() + _PATIENCE
    while plane.call("POST", "/api/v1/namespaces/default/pods?dryRun=All", pod).ok:
        if time.monotonic() > give_up:
            raise LoadError("the figure is void: the cluster is not guarded")
        time.sleep(0.1)
