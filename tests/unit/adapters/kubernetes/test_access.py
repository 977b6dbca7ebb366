"""Where the API server is: as a Pod knows it, and as a kubeconfig says."""

import json
from pathlib import Path

import pytest

from assay.adapters.kubernetes.access import ClusterAccess
from assay.domain.errors import ConfigError

ENVIRONMENT = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_text("a certificate")
    return tmp_path


def kubeconfig(folder: Path, **user: str) -> Path:
    file = folder / "kubeconfig"
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://api.example:6443/", "certificate-authority": "ca"}}],
        "users": [{"name": "u", "user": user}],
    }
    file.write_text(json.dumps(document))
    return file


def refusal(environment: dict[str, str], account: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        ClusterAccess.in_cluster(environment, account=account)
    return caught.value.code


@pytest.mark.parametrize(
    ("host", "address"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_a_pod_knows_its_api_server(account: Path, host: str, address: str) -> None:
    access = ClusterAccess.in_cluster({**ENVIRONMENT, "KUBERNETES_SERVICE_HOST": host}, account=account)
    assert (access.address, access.authority, access.token) == (address, account / "ca.crt", account / "token")


@pytest.mark.parametrize("name", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_outside_of_a_pod_there_is_no_access(account: Path, name: str) -> None:
    assert refusal({**ENVIRONMENT, name: ""}, account) == "cluster_not_configured"
    assert ClusterAccess.in_cluster(ENVIRONMENT, account=account)
    (account / "ca.crt").unlink()
    assert refusal(ENVIRONMENT, account) == "cluster_not_configured"


def test_paths_of_a_kubeconfig_belong_to_its_folder(tmp_path: Path) -> None:
    access = ClusterAccess.from_kubeconfig(kubeconfig(tmp_path, tokenFile="token"))
    assert (access.address, access.authority) == ("https://api.example:6443", tmp_path / "ca")
    assert access.token == tmp_path / "token"
    access = ClusterAccess.from_kubeconfig(
        kubeconfig(tmp_path, **{"client-certificate": "c.crt", "client-key-data": "a2V5"})
    )
    assert (access.token, access.certificate, access.key) == (None, tmp_path / "c.crt", b"key")
    assert "b'key'" not in repr(access)


def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        ClusterAccess.from_kubeconfig(tmp_path / "nothing")
    assert caught.value.code == "cluster_not_configured"
    with pytest.raises(ConfigError) as caught:
        ClusterAccess.from_kubeconfig(kubeconfig(tmp_path, username="admin"))
    assert (caught.value.code, "username" in caught.value.message) == ("kubeconfig_malformed", True)


@pytest.mark.parametrize(
    "address",
    ["http://api.example", "https://", "https://user@api", "https://api/path", "https://api?q", "https://api:99999"],
)
def test_an_address_that_is_no_plain_https_url_is_refused(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ClusterAccess(address=address, authority=b"")
    assert caught.value.code == "cluster_not_configured"
    assert ClusterAccess(address="https://api.example:6443", authority=b"")
