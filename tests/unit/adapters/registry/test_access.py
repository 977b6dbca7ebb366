"""Where a registry is asked, and who may issue its tokens."""

from pathlib import Path

import pytest

from assay.adapters.registry.access import HostAccess, RegistryAccess
from assay.domain.errors import InvalidInput
from assay.domain.reference import Repository

NGINX = Repository.parse("nginx")


def test_mirrors_come_first_and_the_registry_last() -> None:
    access = RegistryAccess(
        hosts={"docker.io": HostAccess(mirrors=("mirror.example:5000/hub", "second.example"))},
        plain_http=frozenset({"second.example"}),
    )
    urls = [place.url("tags/list") for place in access.places(NGINX)]
    assert urls == [
        "https://mirror.example:5000/v2/hub/library/nginx/tags/list",
        "http://second.example/v2/library/nginx/tags/list",
        "https://registry-1.docker.io/v2/library/nginx/tags/list",
    ]


def test_a_mirror_does_not_open_a_registry_that_is_not_allowed() -> None:
    hosts = {"docker.io": HostAccess(mirrors=("mirror.example",))}
    closed = RegistryAccess(allowed=frozenset({"other.example"}), hosts=hosts)
    for repository in (NGINX, Repository(registry="mirror.example", path="nginx")):
        with pytest.raises(InvalidInput) as caught:
            closed.places(repository)
        assert caught.value.code == "registry_not_configured"
    assert len(RegistryAccess(allowed=frozenset({"docker.io"}), hosts=hosts).places(NGINX)) == 2


@pytest.mark.parametrize(
    ("host", "registry", "allowed"),
    [
        ("registry.example", "registry.example", True),
        ("registry.example:5000", "registry.example:5000", True),
        ("auth.docker.io", "docker.io", True),
        ("registry-1.docker.io", "docker.io", True),
        ("gitlab.example", "registry.gitlab.example", True),
        ("tokens.example", "registry.example:5000", True),
        ("registry.example:5001", "registry.example", False),
        ("registry.example", "registry.example:5000", False),
        ("auth.docker.io", "registry.example", False),
        ("auth.registry.example", "registry.example", False),
        ("gitlab.example", "registrygitlab.example", False),
        ("evil-registry.example", "registry.example", False),
        ("example", "registry.example", False),
        ("0.0.1", "127.0.0.1", False),
        ("gitlab.example:8443", "registry.gitlab.example", False),
    ],
)
def test_tokens_come_from_the_registry_its_parent_domain_or_a_configured_host(
    host: str, registry: str, *, allowed: bool
) -> None:
    access = RegistryAccess(hosts={"registry.example:5000": HostAccess(token_hosts=frozenset({"tokens.example"}))})
    assert access.may_issue_tokens(host, registry=registry) is allowed


def test_a_host_may_have_an_authority_of_its_own() -> None:
    access = RegistryAccess(
        certificate_authority=Path("all.pem"), hosts={"a.example": HostAccess(certificate_authority=Path("a.pem"))}
    )
    assert [str(access.authority_of(host)) for host in ("a.example", "b.example")] == ["a.pem", "all.pem"]
    assert RegistryAccess().authority_of("a.example") is None


def test_whatever_the_configuration_mentions_is_named() -> None:
    host = HostAccess(mirrors=("mirror.example/hub",), token_hosts=frozenset({"tokens.example"}))
    access = RegistryAccess(hosts={"a.example": host}, plain_http=frozenset({"b.example"}))
    assert all(map(access.names, ("a.example", "b.example", "mirror.example", "tokens.example")))
    assert not access.names("c.example")


@pytest.mark.parametrize("host", [HostAccess, lambda **_: HostAccess(token_hosts=frozenset({"https://a"}))])
def test_a_host_is_checked_when_it_is_read(host: type[HostAccess]) -> None:
    with pytest.raises(InvalidInput) as caught:
        host(mirrors=("https://mirror.example",))
    assert caught.value.code == "reference_malformed"
