"""Logins of clouds: for their own registries only, and through fixed addresses."""

import base64
import re
import sys
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from assay.adapters.registry.cloud_login import (
    AZURE,
    CLOUDS,
    ECR,
    GOOGLE,
    AzureLogin,
    Cloud,
    CloudLogin,
    GoogleLogin,
    make_ecr_login,
)
from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, Unavailable
from tests.fakes.http_server import Script, answering
from tests.fakes.oci import soon

ECR_HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
LOGIN = Credential(username="u", secret="s")


@pytest.mark.parametrize(
    ("pattern", "host"),
    [
        (ECR, ECR_HOST),
        (ECR, "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com"),
        (ECR, "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        (GOOGLE, "gcr.io"),
        (GOOGLE, "eu.gcr.io"),
        (GOOGLE, "europe-west3-docker.pkg.dev"),
        (AZURE, "assay.azurecr.io"),
    ],
)
def test_cve_2025_27403_a_look_alike_of_a_clouds_registry_gets_nothing(pattern: re.Pattern[str], host: str) -> None:
    cloud = Cloud(hosts=pattern, make=lambda _registry, _seconds: LOGIN)
    assert CloudLogin(registry=host, cloud=cloud).find(host, soon()) == LOGIN
    for other in (f"{host}.evil.example", f"evil.{host}.example", f"x{host}.example", f"{host}:443", f"evil/{host}"):
        assert CloudLogin(registry=host, cloud=cloud).find(other, soon()) is None
        with pytest.raises(ConfigError) as caught:
            CloudLogin(registry=other, cloud=cloud)
        assert caught.value.code == "cloud_login_refused"


def test_a_login_is_remembered_for_half_an_hour() -> None:
    made: list[float] = []

    def make(_registry: str, seconds: float) -> Credential:
        made.append(seconds)
        return LOGIN

    login = CloudLogin(registry="gcr.io", cloud=Cloud(hosts=GOOGLE, make=make))
    for now in (0.0, 1799.0, 1800.0):
        login.find("gcr.io", Deadline(at=now + 2, clock=partial(float, now)))
    assert made == [2.0, 2.0]


def test_a_missing_library_is_named_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud(hosts=GOOGLE, make=CLOUDS["gcp"].make, extra="cloud", module="no_such_module")
    with pytest.raises(ConfigError, match=r"install `assay\[cloud\]`") as caught:
        CloudLogin(registry="gcr.io", cloud=cloud)
    assert caught.value.code == "login_extra_missing"


def test_google_gives_the_token_of_the_service_account() -> None:
    with answering(Script(body=b'{"access_token":"opensesame","expires_in":3599}')) as server:
        credential = GoogleLogin(metadata=server.url).make("gcr.io", 5)
    assert credential == Credential(username="oauth2accesstoken", secret="opensesame")
    assert server.seen[0][2]["metadata-flavor"] == "Google"


def test_azure_exchanges_the_identity_of_the_machine_at_the_registry() -> None:
    with (
        answering(Script(body=b'{"access_token":"machine"}')) as metadata,
        answering(Script(body=b'{"refresh_token":"opensesame"}')) as registry,
    ):
        credential = AzureLogin(metadata=metadata.url, exchange=registry.url).make("assay.azurecr.io", 5)
    assert (credential.secret, credential.identity_token) == ("opensesame", True)
    assert metadata.seen[0][2]["metadata"] == "true"
    assert b"access_token=machine" in registry.seen[0][3]
    assert b"service=assay.azurecr.io" in registry.seen[0][3]


@pytest.mark.parametrize(
    "script",
    [
        Script(status=403, body=b'{"access_token":"opensesame"}'),
        Script(status=307, headers={"Location": "https://evil.example/"}),
        Script(body=b'{"access_token":"open\\nsesame"}'),
        Script(body=b'{"access_token":""}'),
        Script(body=b"opensesame"),
        Script(body=b"[]"),
        Script(body=b"{}", length=50),
    ],
)
def test_an_answer_without_a_token_is_a_denial_and_not_quoted(script: Script) -> None:
    with answering(script) as server, pytest.raises(Unavailable) as caught:
        GoogleLogin(metadata=server.url).make("gcr.io", 5)
    assert caught.value.code == "registry_denied"
    assert "opensesame" not in str(caught.value)


def test_a_machine_without_metadata_is_a_denial() -> None:
    with pytest.raises(Unavailable) as caught:
        GoogleLogin(metadata="http://127.0.0.1:1/").make("gcr.io", 1)
    assert caught.value.code == "registry_denied"


class FakeBoto:
    """What `make_ecr_login` uses of botocore, answering with one authorization token."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, token: object) -> None:
        self.asked: list[Any] = []
        self.token = token
        failures = SimpleNamespace(BotoCoreError=KeyError, ClientError=KeyError)
        modules: dict[str, dict[str, Any]] = {
            "botocore": {},
            "botocore.session": {"get_session": lambda: SimpleNamespace(create_client=self._client)},
            "botocore.config": {"Config": lambda **options: options},
            "botocore.exceptions": vars(failures),
        }
        for name, members in modules.items():
            module = ModuleType(name)
            for member, value in members.items():
                setattr(module, member, value)
            monkeypatch.setitem(sys.modules, name, module)

    def _client(self, service: str, *, region_name: str, config: object) -> "FakeBoto":
        self.asked.append((service, region_name))
        assert config
        return self

    def get_authorization_token(self, *, registryIds: list[str]) -> object:  # noqa: N803  # AWS's name
        self.asked.append(registryIds)
        return {"authorizationData": [{"authorizationToken": self.token}]}


def test_ecr_is_asked_in_the_region_and_account_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    boto = FakeBoto(monkeypatch, base64.b64encode(b"AWS:opensesame").decode())
    assert make_ecr_login(ECR_HOST, 5) == Credential(username="AWS", secret="opensesame")
    assert boto.asked == [("ecr", "eu-central-1"), ["123456789012"]]


@pytest.mark.parametrize("token", [None, "not base64", base64.b64encode(b"AWS").decode()])
def test_an_answer_of_ecr_without_a_login_is_a_denial(monkeypatch: pytest.MonkeyPatch, token: object) -> None:
    FakeBoto(monkeypatch, token if token is not None else "\xe9")
    with pytest.raises(Unavailable) as caught:
        make_ecr_login(ECR_HOST, 5)
    assert caught.value.code == "registry_denied"
