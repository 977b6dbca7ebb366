"""Whose credentials a registry client has: a service's from its configuration, a command line's from its user."""

import json
from pathlib import Path

import pytest

from assay.bootstrap.composition import SystemComposition
from assay.bootstrap.inspection import inspect_installation
from assay.bootstrap.installation import Installation
from assay.bootstrap.registry import service_access, service_credentials, service_registry
from assay.domain.credential import Credential
from assay.domain.errors import ConfigError, InvalidInput, Unavailable
from assay.domain.limit import Limits
from tests.fakes.oci import image, put_image, soon
from tests.fakes.program import write_program
from tests.fakes.registry import FakeRegistry, TokenService
from tests.unit.bootstrap.conftest import CONFIGURATION, Write

LOGIN = {"username": "ursula", "password": "opensesame"}


def installation(write: Write, registries: str) -> Installation:
    return Installation.load(write(CONFIGURATION.partition("registries:")[0] + f"registries: {registries}\n"))


def test_a_service_knows_the_logins_of_the_files_it_names(write: Write, tmp_path: Path) -> None:
    (tmp_path / "pull.json").write_text(json.dumps({"auths": {"registry.example": LOGIN}}))
    (tmp_path / "old.json").write_text(json.dumps({"old.example": LOGIN}))
    named = installation(write, "{credentials: [pull.json, old.json]}")
    credentials = service_credentials(named)
    for host in ("registry.example", "old.example"):
        assert credentials.find(host, soon()) == Credential(username="ursula", secret="opensesame")
    assert credentials.find("other.example", soon()) is None
    assert (
        service_credentials(installation(write, "{only: [registry.example]}")).find("registry.example", soon()) is None
    )


def test_a_service_uses_no_login_of_its_user(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeRegistry.start() as registry:
        put_image(registry, "app")
        registry.demand_login(TokenService(users={"ursula": "opensesame"}), basic=True)
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.host: LOGIN}}))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        plain = installation(write, f"{{plain_http: ['{registry.host}']}}")
        with pytest.raises(Unavailable) as caught:
            service_registry(plain, limits=Limits(), count=lambda _: None).resolve(
                registry.reference("app", tag="v1"), soon()
            )
        assert caught.value.code == "registry_denied"
        user = SystemComposition().registry(plain_http=[], ca=None)
        assert user.resolve(registry.reference("app", tag="v1"), soon()).octets == image()


def test_a_command_line_asks_the_helpers_of_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = json.dumps({"Username": "ursula", "Secret": "opensesame"})
    write_program(tmp_path / "bin", "docker-credential-vault", f"echo '{answer}'")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "vault"}))
    with FakeRegistry.start() as registry:
        put_image(registry, "app")
        registry.demand_login(TokenService(users={"ursula": "opensesame"}))
        user = SystemComposition().registry(plain_http=[], ca=None)
        assert user.resolve(registry.reference("app", tag="v1"), soon()).octets == image()


def test_a_command_line_asks_a_token_host_when_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with FakeRegistry.start() as registry, FakeRegistry.start() as issuer:
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.host: LOGIN}}))
        put_image(registry, "app")
        tokens = TokenService(users={"ursula": "opensesame"})
        registry.demand_login(tokens, realm=f"{issuer.url}/token")
        issuer.tokens = tokens
        reference = registry.reference("app", tag="v1")
        told = SystemComposition().registry(
            plain_http=[registry.host, issuer.host], ca=None, token_hosts=[(registry.host, issuer.host)]
        )
        assert told.resolve(reference, soon()).octets == image()
        with pytest.raises(InvalidInput) as caught:
            SystemComposition().registry(plain_http=[registry.host, issuer.host], ca=None).resolve(reference, soon())
        assert caught.value.code == "realm_refused"


def test_a_command_line_works_without_any_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nowhere"))
    with FakeRegistry.start() as registry:
        put_image(registry, "app")
        user = SystemComposition().registry(plain_http=[], ca=None)
        assert user.resolve(registry.reference("app", tag="v1"), soon()).octets == image()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "docker_config_malformed"),
        (json.dumps({"credsStore": "vault"}), "docker_config_malformed"),
        (json.dumps({"credHelpers": {"registry.example": "vault"}}), "docker_config_malformed"),
        (None, "docker_config_unreadable"),
    ],
)
def test_a_file_of_credentials_that_cannot_be_used_is_found_at_start(
    write: Write, tmp_path: Path, content: str | None, code: str
) -> None:
    named = installation(write, "{credentials: [pull.json]}")
    if content is not None:
        (tmp_path / "pull.json").write_text(content)
    for attempt in (service_credentials, inspect_installation):
        with pytest.raises(ConfigError) as caught:
            attempt(named)
        assert caught.value.code == code
    (tmp_path / "pull.json").write_text("{}")
    assert service_credentials(named).find("registry.example", soon()) is None


def test_a_login_of_a_cloud_is_for_its_own_registries(write: Write) -> None:
    right = installation(write, "{hosts: [{host: eu.gcr.io, login: gcp}]}")
    assert list(service_credentials(right).logins) == ["eu.gcr.io"]
    with pytest.raises(ConfigError) as caught:
        service_credentials(installation(write, "{hosts: [{host: eu.gcr.io.evil.example, login: gcp}]}"))
    assert caught.value.code == "cloud_login_refused"


def test_what_holds_for_single_registries_arrives(write: Write, tmp_path: Path) -> None:
    host = "{host: a.example, mirrors: [m.example/hub], token_hosts: [t.example], ca: a.pem}"
    access = service_access(installation(write, f"{{only: [a.example], ca: all.pem, hosts: [{host}]}}"))
    assert access.authority_of("a.example") == tmp_path / "a.pem"
    assert access.authority_of("m.example") == tmp_path / "all.pem"
    assert access.may_issue_tokens("t.example", registry="a.example")
    assert access.names("m.example")
