"""The cluster of a webhook: as its configuration names it, and with the secrets it may use."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.adapters.clock import SystemClock
from assay.adapters.kubernetes import access
from assay.adapters.supervision.gunicorn_hooks import BEGIN
from assay.bootstrap.access import cluster_access
from assay.bootstrap.applications import WebhookParts, webhook_parts_from_environment
from assay.bootstrap.cluster import open_cluster, pulling_registries
from assay.bootstrap.installation import Installation
from assay.bootstrap.registry import service_registry
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, Unavailable
from assay.domain.limit import Limits
from assay_webhooks.certificate import issue_serving_certificate
from tests.fakes.cluster import FakeCluster
from tests.fakes.kubernetes_api import events, namespace, namespace_list, scripted_api
from tests.fakes.metrics import CountingMetrics
from tests.fixtures.polling import eventually
from tests.unit.bootstrap.conftest import CONFIGURATION, WEBHOOK, Write
from tests.unit.bootstrap.test_applications import leave_to_a_thread, prepare, question

IN_CLUSTER = "cluster: {in_cluster: true}\n"
BY_FILE = "cluster: {kubeconfig: kubeconfig}\n"
POD = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def write_kubeconfig(folder: Path, server: str) -> None:
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": "ca.crt"}}],
        "users": [{"name": "u", "user": {"tokenFile": "token"}}],
    }
    (folder / "kubeconfig").write_text(json.dumps(document))


def count(event: str) -> None:
    """Count nothing."""
    del event


@contextmanager
def following(monkeypatch: pytest.MonkeyPatch, write: Write, folder: Path, webhook: str) -> Iterator[WebhookParts]:
    """A webhook of a cluster that has the namespace `team-a`."""
    with scripted_api(folder) as api:
        api.script("/api/v1/namespaces", namespace_list("7", namespace("team-a", "3")))
        api.script("/api/v1/namespaces?watch", events())
        write_kubeconfig(folder, api.address)
        prepare(monkeypatch, write(CONFIGURATION + webhook + BY_FILE))
        yield webhook_parts_from_environment()


def test_a_webhook_follows_the_namespaces_and_is_not_ready_before(
    monkeypatch: pytest.MonkeyPatch, write: Write, tmp_path: Path
) -> None:
    with following(monkeypatch, write, tmp_path, WEBHOOK) as parts:
        assert parts.failing() == ["opa", "database", "cluster"]
        parts.extensions[BEGIN]()
        assert eventually(lambda: parts.failing() == ["opa", "database"], "the list of namespaces")
        assert parts.cluster is not None
        assert parts.cluster.get_namespace("team-a").labels == ()


def test_a_namespace_that_is_not_known_yet_is_waited_for_in_a_thread_and_not_in_the_loop(
    monkeypatch: pytest.MonkeyPatch, write: Write, tmp_path: Path
) -> None:
    with scripted_api(tmp_path) as api:
        write_kubeconfig(tmp_path, api.address)
        before, _, _ = WEBHOOK.partition("  tenant:")
        tenants = "  tenants:\n    - {match: {labels: {tier: gold}}, tenant: team-a, environment: prod}\n"
        prepare(monkeypatch, write(CONFIGURATION + before + tenants + BY_FILE))
        with pytest.raises(Unavailable) as caught:
            leave_to_a_thread(webhook_parts_from_environment())()
        assert caught.value.code == "namespace_unknown"


def test_an_exempt_name_that_no_namespace_has_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, write: Write, tmp_path: Path
) -> None:
    exempt = "  exempt_namespaces: [team-a, team-b]\n"
    with following(monkeypatch, write, tmp_path, WEBHOOK + exempt) as parts:
        assert not any("exempt" in warning for warning in parts.warnings())
        parts.extensions[BEGIN]()
        eventually(lambda: "cluster" not in parts.failing(), "the list of namespaces")
        (warning,) = [text for text in parts.warnings() if text.startswith("exempt_namespaces: ")]
        assert "team-b does not exist" in warning


def test_a_cluster_that_cannot_be_reached_is_told_at_start(
    monkeypatch: pytest.MonkeyPatch, write: Write, tmp_path: Path
) -> None:
    for section, code in ((BY_FILE, "cluster_not_configured"), (IN_CLUSTER, "cluster_not_configured")):
        with pytest.raises(ConfigError) as caught:
            prepare(monkeypatch, write(CONFIGURATION + WEBHOOK + section))
        assert caught.value.code == code
    write_kubeconfig(tmp_path, "https://127.0.0.1:6443")
    prepare(monkeypatch, write(CONFIGURATION + WEBHOOK + BY_FILE))


def test_a_pod_uses_its_service_account(monkeypatch: pytest.MonkeyPatch, write: Write, tmp_path: Path) -> None:
    issued = issue_serving_certificate(["127.0.0.1"], datetime.now(UTC), timedelta(hours=1))
    (tmp_path / "ca.crt").write_bytes(issued.ca_pem)
    monkeypatch.setattr(access, "_ACCOUNT", tmp_path)
    installation = Installation.load(write(CONFIGURATION + WEBHOOK + IN_CLUSTER))
    found = cluster_access(installation, environment=POD)
    assert found is not None
    assert found.token == tmp_path / "token"
    none = Installation.load(write(CONFIGURATION + WEBHOOK))
    assert open_cluster(none, clock=SystemClock(), metrics=CountingMetrics()) is None


@pytest.mark.parametrize("used", ["true", "false"])
def test_pull_secrets_are_used_when_the_configuration_says_so(write: Write, tmp_path: Path, used: str) -> None:
    write_kubeconfig(tmp_path, "https://127.0.0.1:6443")
    webhook = WEBHOOK.replace("key: tls.key}", "key: tls.key, client_ca: ca.crt}")
    section = f"cluster: {{kubeconfig: kubeconfig, pull_secrets: {used}}}\n"
    installation = Installation.load(write(CONFIGURATION + webhook + section))
    cluster, clock, limits = FakeCluster(), SystemClock(), Limits()
    configured = service_registry(installation, limits=limits, count=count)
    pulling = pulling_registries(installation, cluster, configured, clock=clock, limits=limits, count=count)
    assert (pulling is not None) == (used == "true")
    if pulling is not None:
        cluster.pull_secrets["n", "login"] = b'{"auths": {}}'
        deadline = Deadline.after(30, clock.monotonic)
        assert pulling.open(question(), deadline).registry is configured
        opened = pulling.open(replace(question(), pull_secrets=("login",)), deadline)
        assert opened.registry is not configured
        assert opened.credentials is not None


def test_a_cluster_that_is_down_is_told_apart(write: Write, tmp_path: Path) -> None:
    write_kubeconfig(tmp_path, "https://127.0.0.1:1")
    issued = issue_serving_certificate(["127.0.0.1"], datetime.now(UTC), timedelta(hours=1))
    (tmp_path / "ca.crt").write_bytes(issued.ca_pem)
    (tmp_path / "token").write_text("token")
    installation = Installation.load(write(CONFIGURATION + WEBHOOK + BY_FILE))
    cluster = open_cluster(installation, clock=SystemClock(), metrics=CountingMetrics())
    assert cluster is not None
    with pytest.raises(Unavailable) as caught:
        cluster.fetch_pull_secrets("team", "default", [], Deadline.after(30, SystemClock().monotonic))
    assert caught.value.code == "cluster_unavailable"
