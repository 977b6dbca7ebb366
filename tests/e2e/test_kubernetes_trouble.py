"""A real API server while something fails: slow registries, webhooks that die, certificates that change."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.stack import run_assay
from tests.fixtures.guarded_cluster import GuardedCluster
from tests.fixtures.polling import eventually
from tests.fixtures.standing_still import somebody_waits_for, standing_still

pytestmark = [pytest.mark.tools, pytest.mark.timeout(600)]


def test_a_registry_that_stands_still_is_a_denial_before_the_api_server_gives_up(
    guarded: GuardedCluster, namespace: str
) -> None:
    image = guarded.unsigned("never seen before")
    with standing_still(guarded.stack):
        answer = guarded.create_pod(namespace, image)
    assert answer.status_code == 403, answer.text
    assert "retryable" in answer.json()["message"]
    assert guarded.annotations(namespace)["mutate.assay.dev/reason"] == "retryable"
    assert "unsigned" in guarded.create_pod(namespace, image).json()["message"]


def test_a_webhook_that_is_killed_in_the_middle_of_a_request_lets_nothing_through(
    guarded: GuardedCluster, namespace: str
) -> None:
    image = guarded.unsigned("while the webhook dies")
    killed = guarded.stack.child("webhook")
    with standing_still(guarded.stack) as port, ThreadPoolExecutor() as pool:
        asked = pool.submit(guarded.create_pod, namespace, image)
        eventually(lambda: somebody_waits_for(port), "a request that waits for the registry")
        os.kill(killed, signal.SIGKILL)
        answer = asked.result()
    assert answer.status_code == 500
    assert "failed calling webhook" in answer.json()["message"]
    eventually(lambda: guarded.create_pod(namespace, guarded.released.tagged).ok, "a Pod after the restart")


def test_an_api_server_that_was_restarted_asks_the_webhook_again(guarded: GuardedCluster, namespace: str) -> None:
    assert guarded.create_pod(namespace, guarded.released.tagged, name="before").ok
    asked, unsigned = guarded.stack.child("webhook"), guarded.unsigned("after the restart of the API server")
    guarded.plane.stop_process("kube-apiserver")
    guarded.plane.start_api()

    def denied() -> bool:
        answer = guarded.create_pod(namespace, unsigned, name="denied")
        assert answer.status_code == 403, answer.text
        return guarded.annotations(namespace, "denied")["mutate.assay.dev/reason"] == "unsigned"

    eventually(denied, "a denial for want of a signature: the namespaces may have to be listed anew before")
    assert guarded.create_pod(namespace, guarded.released.tagged, name="allowed").status_code == 201
    stored = guarded.get(f"/api/v1/namespaces/{namespace}/pods/allowed")
    assert [item["image"] for item in stored["spec"]["containers"]] == [guarded.pinned_tag]
    assert guarded.stack.child("webhook") == asked


def test_certificates_change_under_load_without_a_failed_request(guarded: GuardedCluster, namespace: str) -> None:
    over = threading.Event()
    statuses: list[int] = []

    def load() -> None:
        while not over.is_set():
            statuses.append(guarded.create_pod(namespace, guarded.released.tagged, dry_run=True).status_code)

    served = guarded.served_certificate()
    with ThreadPoolExecutor(max_workers=3) as pool:
        loads = [pool.submit(load) for _ in range(3)]
        try:
            for step in ("stage", "switch"):
                run_assay("webhook", "certificates", "rotate", "--folder", str(guarded.stack.folder), step)
                guarded.register()
            eventually(lambda: guarded.served_certificate() != served, "the new certificate")
            run_assay("webhook", "certificates", "rotate", "--folder", str(guarded.stack.folder), "finish")
            guarded.register()
            done = len(statuses)
            eventually(lambda: len(statuses) >= done + 20, "twenty more requests")
        finally:
            over.set()
    for ended in loads:
        ended.result()
    assert set(statuses) == {201}
