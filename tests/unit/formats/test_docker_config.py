"""Credentials from docker's files and from pull secrets."""

import base64
import json

import pytest

from assay.domain.credential import Credential
from assay.domain.errors import InvalidInput
from assay.formats.docker_config import DockerConfig, parse_docker_config, registry_host

LOGIN = Credential(username="user", secret="pass:word")
AUTH = {"auth": base64.b64encode(b"user:pass:word").decode()}


def parse(document: object) -> DockerConfig:
    return parse_docker_config(json.dumps(document).encode(), what="it")


@pytest.mark.parametrize(
    "entry",
    [
        AUTH,
        {"username": "user", "password": "pass:word"},
        {"username": "user", "password": "pass:word", "auth": "", "email": "a@b", "identitytoken": None},
        {"auth": base64.b64encode(b"user:pass:word\0\0").decode()},
    ],
)
def test_a_login_is_read_in_every_spelling(entry: object) -> None:
    for document in ({"auths": {"registry.example": entry}}, {"registry.example": entry}):
        assert parse(document).credentials == {"registry.example": LOGIN}


def test_an_identity_token_wins_over_a_password() -> None:
    parsed = parse({"auths": {"registry.example": AUTH | {"identitytoken": "refresh"}}})
    credential = parsed.credentials["registry.example"]
    assert (credential.secret, credential.identity_token) == ("refresh", True)


def test_helpers_and_the_store_are_named_and_other_sections_ignored() -> None:
    parsed = parse({"credsStore": "desktop", "credHelpers": {"r.example": "ecr-login"}, "HttpHeaders": {"A": "b"}})
    assert (parsed.store, parsed.helpers, parsed.credentials) == ("desktop", {"r.example": "ecr-login"}, {})


def test_an_entry_without_a_secret_gives_nothing() -> None:
    assert parse({"auths": {"registry.example": {}, "other.example": {"username": "user"}}}).credentials == {}


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("registry.example", "registry.example"),
        ("REGISTRY.example:5000", "registry.example:5000"),
        ("https://registry.example/v2/", "registry.example"),
        ("http://localhost:5000", "localhost:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("registry.example/team", ""),
        ("*.registry.example", ""),
        ("localhost", "localhost"),
        ("registry", ""),
        ("https://", ""),
    ],
)
def test_a_login_is_bound_to_exactly_one_host(key: str, host: str) -> None:
    assert registry_host(key) == host
    assert list(parse({"auths": {key: AUTH}}).credentials) == ([host] if host else [])


def test_the_plain_host_wins_over_other_spellings_of_it() -> None:
    other = {"username": "other", "password": "word"}
    parsed = parse({"auths": {"https://registry.example/v1/": other, "registry.example": AUTH}})
    assert parsed.credentials == {"registry.example": LOGIN}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"auths": []},
        {"auths": {"registry.example": "user:s3cr3t"}},
        {"auths": {"registry.example": {"auth": "not base64"}}},
        {"auths": {"registry.example": {"auth": base64.b64encode(b"without colon").decode()}}},
        {"auths": {"registry.example": {"auth": base64.b64encode(b"\xff:\xff").decode()}}},
        {"auths": {"registry.example": {"password": 1}}},
        {"auths": {"registry.example": {"username": "u", "password": "s3cr3t\n"}}},
        {"credHelpers": {"registry.example": "../../bin/sh"}},
        {"credHelpers": {"registry.example": 5}},
        {"credsStore": "a b"},
    ],
)
def test_what_docker_does_not_write_is_refused_and_not_quoted(document: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(document)
    assert caught.value.code == "docker_config_malformed"
    assert not any(word in str(caught.value) for word in ("s3cr3t", 'not base64"', "bin/sh"))


@pytest.mark.parametrize("octets", [b"", b"{", b'{"auths":{},"auths":{}}', b"\xff", b" " * 2_000_000])
def test_what_is_no_strict_json_is_refused(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_docker_config(octets, what="it")
    assert caught.value.code == "docker_config_malformed"


def test_nothing_shows_a_secret() -> None:
    assert "pass:word" not in repr(parse({"auths": {"registry.example": AUTH}}))
