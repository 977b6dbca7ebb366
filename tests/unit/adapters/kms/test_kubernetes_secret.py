"""A key in a Kubernetes secret."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.adapters.kms.connection import KmsConnection
from assay.adapters.kms.kubernetes_secret import KubernetesSecretReader
from assay.adapters.signing.key_file import generate_key_pair
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError
from assay.domain.key_uri import KubernetesSecret
from assay.formats.public_key import parse_public_key
from tests.fakes.clock import FrozenClock
from tests.fakes.json_server import Call, serving

URI = KubernetesSecret(namespace="build", name="release")
PRIVATE, PUBLIC = generate_key_pair(b"pa55")


def deadline() -> Deadline:
    return Deadline.after(30, FrozenClock().monotonic)


@contextmanager
def reader(account: Path, members: dict[str, bytes] | None, status: int = 200) -> Iterator[KubernetesSecretReader]:
    data = None if members is None else {name: base64.b64encode(value).decode() for name, value in members.items()}

    def respond(call: Call) -> tuple[int, object]:
        if call.headers["authorization"] != "Bearer pod-token":
            return 401, {}
        assert call.path == "/api/v1/namespaces/build/secrets/release"
        return status, {"kind": "Secret", "data": data}

    with serving(respond) as address:
        yield KubernetesSecretReader(URI, KmsConnection(address, service="the API"), account=account)


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("pod-token\n")
    (tmp_path / "ca.crt").write_text("a certificate")
    return tmp_path


def refusal(secrets: KubernetesSecretReader) -> str:
    with pytest.raises(AssayError) as caught:
        secrets.fetch(deadline())
    return caught.value.code


def test_a_secret_as_cosign_writes_it_is_read(account: Path) -> None:
    members = {"cosign.key": PRIVATE, "cosign.password": b"pa55", "cosign.pub": PUBLIC}
    with reader(account, members) as secrets:
        material = secrets.fetch(deadline())
        assert (material.private_pem, material.password, material.public_pem) == (PRIVATE, b"pa55", PUBLIC)
        assert secrets.fetch_public_key(deadline()) == parse_public_key(PUBLIC)
        assert "pa55" not in repr(material)


def test_without_a_public_key_it_comes_from_the_private_one(account: Path) -> None:
    with reader(account, {"cosign.key": PRIVATE, "cosign.password": b"pa55"}) as secrets:
        assert secrets.fetch_public_key(deadline()) == parse_public_key(PUBLIC)


@pytest.mark.parametrize("members", [None, {}, {"other": b"x"}])
def test_a_secret_without_a_key_is_none(account: Path, members: dict[str, bytes] | None) -> None:
    with reader(account, members) as secrets:
        assert refusal(secrets) == "kms_key_unknown"


@pytest.mark.parametrize(("status", "code"), [(404, "kms_key_unknown"), (403, "kms_denied"), (400, "kms_unavailable")])
def test_a_refusal_has_a_code(account: Path, status: int, code: str) -> None:
    with reader(account, {"cosign.key": PRIVATE}, status) as secrets:
        assert refusal(secrets) == code


@pytest.mark.parametrize("token", [None, "", "two words", "x" * 70_000, "\xe9"])
def test_a_token_that_is_none_is_not_sent(account: Path, token: str | None) -> None:
    (account / "token").unlink()
    if token is not None:
        (account / "token").write_text(token, encoding="utf-8")
    with reader(account, {"cosign.key": PRIVATE}) as secrets:
        assert refusal(secrets) == "kms_unavailable"


def test_a_token_that_was_replaced_is_read_anew(account: Path) -> None:
    with reader(account, {"cosign.pub": PUBLIC}) as secrets:
        (account / "token").write_text("expired")
        assert refusal(secrets) == "kms_denied"
        (account / "token").write_text("pod-token")
        assert secrets.fetch(deadline()).public_pem == PUBLIC


@pytest.mark.parametrize("host", ["10.0.0.1", "fd00::1"])
def test_a_pod_knows_its_api_server(account: Path, host: str) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}
    assert KubernetesSecretReader.open(URI, environment, account=account)
    with pytest.raises(ConfigError) as caught:
        KubernetesSecretReader.open(URI, {}, account=account)
    assert caught.value.code == "kms_not_configured"
    (account / "ca.crt").unlink()
    with pytest.raises(ConfigError):
        KubernetesSecretReader.open(URI, environment, account=account)
