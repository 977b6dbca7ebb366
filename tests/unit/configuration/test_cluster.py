"""The section `cluster`: how the cluster is reached, and when pull secrets are used."""

from collections.abc import Mapping

import pytest

from assay.configuration.cluster import read_cluster
from assay.configuration.listener import Address
from assay.configuration.section import Section
from assay.configuration.settings import ClusterSettings, TlsFiles, WebhookSettings
from assay.domain.coverage import Coverage
from assay.domain.errors import ConfigError
from assay.domain.tenancy import TenantRule

UNSAFE = "unsafe_pull_secrets_without_client_ca"


def webhook(client_ca: str = "") -> WebhookSettings:
    return WebhookSettings(
        listen=Address(host="127.0.0.1"),
        workers=1,
        threads=1,
        read_seconds=5,
        lame_duck_seconds=5,
        timeout_seconds=10,
        tls=TlsFiles(certificate="tls.crt", key="tls.key", client_ca=client_ca),
        tenants=(TenantRule(tenant="team", environment="prod"),),
        coverage=Coverage(),
        exempt_namespace_creators="system:masters",
    )


def read(client_ca: str = "", **members: str) -> ClusterSettings | None:
    return read_cluster(Section(members, "cluster"), webhook(client_ca))


def refusal(client_ca: str = "", **members: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(client_ca, **members)
    assert caught.value.code == "configuration_invalid"
    return caught.value.message


def test_without_the_section_there_is_no_cluster() -> None:
    assert read_cluster(None, webhook()) is None


def test_a_cluster_is_reached_as_a_pod_or_by_a_kubeconfig() -> None:
    assert read(in_cluster="true") == ClusterSettings(kubeconfig="", namespace_max_age_seconds=60, pull_secrets=False)
    found = read(kubeconfig="k", namespace_max_age_seconds="20", in_cluster="false")
    assert found == ClusterSettings(kubeconfig="k", namespace_max_age_seconds=20, pull_secrets=False)
    assert "how the cluster is reached" in refusal()
    assert "how the cluster is reached" in refusal(in_cluster="true", kubeconfig="k")
    assert "not a number" in refusal(in_cluster="true", namespace_max_age_seconds="19")
    assert "unknown field" in refusal(in_cluster="true", other="x")


def test_a_cluster_without_a_webhook_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        read_cluster(Section({"in_cluster": "true"}, "cluster"), None)
    assert "no webhook" in caught.value.message


@pytest.mark.parametrize(
    ("client_ca", "members"),
    [("ca", {"pull_secrets": "true"}), ("", {"pull_secrets": "true", UNSAFE: "true"})],
)
def test_pull_secrets_are_for_an_api_server_that_proves_who_it_is(client_ca: str, members: Mapping[str, str]) -> None:
    found = read(client_ca, in_cluster="true", **members)
    assert found is not None
    assert found.pull_secrets
    assert read(in_cluster="true", pull_secrets="false", **{UNSAFE: "false"}) == read(in_cluster="true")


@pytest.mark.parametrize(
    ("client_ca", "members", "complaint"),
    [
        ("", {"pull_secrets": "true"}, "anybody"),
        ("", {"pull_secrets": "true", UNSAFE: "false"}, "anybody"),
        ("ca", {"pull_secrets": "true", UNSAFE: "true"}, "no effect"),
        ("", {UNSAFE: "true"}, "no effect"),
    ],
)
def test_pull_secrets_are_not_for_anybody(client_ca: str, members: Mapping[str, str], complaint: str) -> None:
    assert complaint in refusal(client_ca, in_cluster="true", **members)
