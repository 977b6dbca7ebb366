from dataclasses import dataclass, field

from assay.adapters.registry.credential_source import NO_CREDENTIALS, CredentialSources
from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.formats.docker_config import DockerConfig
from tests.fakes.oci import soon

FILED = Credential(username="file", secret="f")
KEPT = Credential(username="helper", secret="h")


@dataclass
class Keeper:
    """A helper, and a login, that has one credential and remembers who asked."""

    asked: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str, registry: str, deadline: Deadline) -> Credential | None:
        deadline.remaining("a test")
        self.asked.append((name, registry))
        return KEPT if name != "empty" else None

    def find(self, registry: str, deadline: Deadline) -> Credential | None:
        return self.get("login", registry, deadline)


def config(store: str = "", **helpers: str) -> DockerConfig:
    return DockerConfig(
        credentials={"a.example": FILED},
        helpers={f"{host}.example": helper for host, helper in helpers.items()},
        store=store,
    )


def test_a_credential_belongs_to_exactly_its_host() -> None:
    sources = CredentialSources(configs=[config()])
    assert sources.find("a.example", soon()) == FILED
    for host in ("b.example", "a.example:443", "a.example.evil.example", "evil.a.example", "A.example"):
        assert sources.find(host, soon()) is None
    assert NO_CREDENTIALS.find("a.example", soon()) is None


def test_the_helper_of_a_host_comes_first_and_the_store_last() -> None:
    keeper = Keeper()
    sources = CredentialSources(configs=[config("store", a="one", c="empty")], helper=keeper)
    assert sources.find("a.example", soon()) == KEPT
    assert sources.find("b.example", soon()) == KEPT
    assert sources.find("c.example", soon()) is None
    assert keeper.asked == [("one", "a.example"), ("store", "b.example"), ("empty", "c.example")]
    assert CredentialSources(configs=[config("store")], helper=keeper).find("a.example", soon()) == FILED


def test_without_a_helper_none_is_started() -> None:
    assert CredentialSources(configs=[config("store", b="one")]).find("b.example", soon()) is None


def test_the_first_configuration_that_has_one_wins_and_a_login_before_all() -> None:
    other = DockerConfig(credentials={"a.example": KEPT, "b.example": KEPT}, helpers={}, store="")
    sources = CredentialSources(configs=[config(), other])
    assert [sources.find(f"{host}.example", soon()) for host in "abc"] == [FILED, KEPT, None]
    assert CredentialSources(configs=[config()], logins={"a.example": Keeper()}).find("a.example", soon()) == KEPT
