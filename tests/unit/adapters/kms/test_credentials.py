"""Credentials come from where the cloud's own library finds them; loopback stands in for its token services."""

import json
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth.exceptions import RefreshError

from assay.adapters.kms import azure, gcp
from assay.adapters.kms.aws import AwsKeyService
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError, Unavailable
from assay.domain.key_uri import AwsKey, AzureKey, GcpKey
from tests.fakes.clock import FrozenClock
from tests.fakes.json_server import Call, serving

ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def deadline() -> Deadline:
    return Deadline.after(30, FrozenClock().monotonic)


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a cloud: no settings, no metadata server."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "GOOGLE_CLOUD_PROJECT", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def refusal(error: type[AssayError], act: object) -> str:
    assert callable(act)
    with pytest.raises(error) as caught:
        act()
    return caught.value.code


def test_a_service_account_of_google_gets_a_token_and_keeps_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Call] = []

    def respond(call: Call) -> tuple[int, object]:
        asked.append(call)
        return 200, {"access_token": "from google", "expires_in": 3600, "token_type": "Bearer"}

    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with serving(respond) as address:
        account = {
            "type": "service_account",
            "project_id": "p",
            "client_email": "a@example.test",
            "private_key": key.decode(),
            "token_uri": address,
        }
        (tmp_path / "account.json").write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
        tokens = gcp.default_tokens()
        assert (tokens(), tokens(), len(asked)) == ("from google", "from google", 1)


def test_without_an_account_of_google_nothing_starts() -> None:
    assert refusal(ConfigError, gcp.default_tokens) == "kms_not_configured"


def test_a_token_service_of_google_that_fails_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise RefreshError("secret text")  # type: ignore[no-untyped-call]  # the library's own gap

    service = gcp.GcpKeyService(GcpKey(name="projects/p"), tokens=fail)
    assert refusal(Unavailable, lambda: service.fetch_key(deadline())) == "kms_unavailable"


def test_a_managed_identity_of_azure_gets_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    def respond(call: Call) -> tuple[int, object]:
        assert "resource=https" in call.path
        return 200, {"access_token": "from azure", "expires_on": "4102444800", "token_type": "Bearer"}

    with serving(respond) as address:
        monkeypatch.setenv("IDENTITY_ENDPOINT", address)
        monkeypatch.setenv("IDENTITY_HEADER", "x")
        assert azure.default_tokens(AzureKey(host="v.vault.azure.net", key="k"))() == "from azure"


def test_a_machine_without_an_identity_of_azure_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise AzureError("secret text")

    service = azure.AzureKeyService(AzureKey(host="v.vault.azure.net", key="k"), tokens=fail)
    assert refusal(Unavailable, lambda: service.fetch_key(deadline())) == "kms_unavailable"


def test_amazon_needs_a_region_that_exists() -> None:
    alias = AwsKey(key="alias/release")
    assert refusal(ConfigError, lambda: AwsKeyService.open(alias, {})) == "kms_not_configured"
    assert AwsKeyService.open(alias, {"AWS_REGION": "eu-central-1"})
    assert AwsKeyService.open(AwsKey(key=ARN), {})


def test_amazon_needs_credentials() -> None:
    service = AwsKeyService.open(AwsKey(key=ARN), {})
    assert refusal(ConfigError, lambda: service.fetch_key(deadline())) == "kms_not_configured"


def test_a_credential_service_of_amazon_that_fails_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/credentials")
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    service = AwsKeyService.open(AwsKey(key=ARN), {})
    assert refusal(Unavailable, lambda: service.fetch_key(deadline())) == "kms_unavailable"
