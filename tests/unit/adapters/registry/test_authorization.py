"""Who we are to a registry, and who learns it."""

import base64
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from assay.adapters.registry.access import HostAccess, RegistryAccess
from assay.adapters.registry.authorization import AuthorizedTransport, Scope
from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.credential_source import CredentialSources
from assay.adapters.registry.exchange import Answer, Exchange
from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Repository
from assay.formats.docker_config import DockerConfig
from tests.fakes.oci import image, put_image, soon
from tests.fakes.registry import FakeRegistry, Fault, TokenService

LOGIN = Credential(username="ursula", secret="pass word")
BASIC = f"Basic {base64.b64encode(b'ursula:pass word').decode()}"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        put_image(fake, "app")
        put_image(fake, "other")
        yield fake


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        yield fake


def users() -> TokenService:
    return TokenService(users={"ursula": "pass word"}, identity_tokens={"refresh"})


def make_client(
    registry: FakeRegistry, credential: Credential | None = LOGIN, access: RegistryAccess | None = None
) -> RegistryClient:
    held = {registry.host: credential} if credential else {}
    config = DockerConfig(credentials=held, helpers={}, store="")
    return RegistryClient(
        access=access or RegistryAccess(plain_http_on_loopback=True),
        limits=Limits(),
        credentials=CredentialSources(configs=[config]),
    )


def reads(client: RegistryClient, registry: FakeRegistry, path: str = "app", deadline: Deadline | None = None) -> bool:
    return client.resolve(registry.reference(path, tag="v1"), deadline or soon()).octets == image()


def refusal(client: RegistryClient, registry: FakeRegistry) -> AssayError:
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        reads(client, registry)
    return caught.value


def sent(registry: FakeRegistry, path: str = "") -> list[str]:
    return [item.headers.get("authorization", "") for item in registry.requests if item.path.startswith(path)]


def test_a_registry_that_asks_nothing_is_told_nothing(registry: FakeRegistry) -> None:
    assert reads(make_client(registry), registry)
    assert sent(registry) == [""]


def test_basic_is_answered_once_and_then_known(registry: FakeRegistry) -> None:
    registry.demand_login(users(), basic=True)
    client = make_client(registry)
    assert reads(client, registry)
    assert reads(client, registry)
    assert sent(registry) == ["", BASIC, BASIC]


def test_a_token_is_asked_for_with_the_least_scope_and_used_again(registry: FakeRegistry) -> None:
    tokens = users()
    registry.demand_login(tokens)
    client = make_client(registry)
    assert reads(client, registry)
    assert reads(client, registry)
    asked = [item for item in registry.requests if item.path == "/token"]
    assert [item.headers["authorization"] for item in asked] == [BASIC]
    assert parse_qs(asked[0].query) == {"service": ["fake"], "scope": ["repository:app:pull"]}
    assert sent(registry, "/v2/") == ["", *[f"Bearer {token}" for token in tokens.issued] * 2]


def test_each_repository_and_action_has_a_token_of_its_own(registry: FakeRegistry) -> None:
    tokens = users()
    registry.demand_login(tokens)
    client = make_client(registry)
    assert reads(client, registry)
    assert reads(client, registry, "other")
    client.push_blob(registry.repository("app"), b"new", soon())
    scopes = [{"repository:app:pull"}, {"repository:other:pull"}, {"repository:app:pull,push"}]
    assert list(tokens.issued.values()) == scopes
    assert sent(registry).count("") == 1


def test_a_mount_asks_for_both_repositories(registry: FakeRegistry) -> None:
    tokens = users()
    registry.demand_login(tokens)
    source = registry.put_blob("other", b"blob")
    make_client(registry).push_blob(
        registry.repository("app"), b"blob", soon(), mounted_from=registry.repository("other")
    )
    assert list(tokens.issued.values()) == [{"repository:app:pull,push", "repository:other:pull"}]
    assert registry.shelf("app").blobs[source.digest.text] == b"blob"


@pytest.mark.parametrize("member", ["token", "access_token"])
def test_an_identity_token_is_exchanged_in_the_body(registry: FakeRegistry, member: str) -> None:
    tokens = users()
    tokens.member = member
    registry.demand_login(tokens)
    client = make_client(registry, Credential(username="<token>", secret="refresh", identity_token=True))
    assert reads(client, registry)
    asked = next(item for item in registry.requests if item.path == "/token")
    form = parse_qs(asked.body.decode())
    assert (asked.method, asked.query, form["grant_type"]) == ("POST", "", ["refresh_token"])
    assert (form["refresh_token"], form["service"]) == (["refresh"], ["fake"])
    assert "refresh" not in "".join(sent(registry))


def test_anonymous_tokens_are_asked_for_without_a_credential(registry: FakeRegistry) -> None:
    registry.demand_login(TokenService(anonymous=True))
    assert reads(make_client(registry, None), registry)
    assert sent(registry, "/token") == [""]


def token_count(registry: FakeRegistry, expires_in: object, seconds: float) -> int:
    tokens = users()
    tokens.expires_in = expires_in
    registry.demand_login(tokens)
    now = [0.0]
    client = make_client(registry)
    for moment in (0.0, seconds):
        now[0] = moment
        assert reads(client, registry, deadline=Deadline.after(100, lambda: now[0]))
    return len(tokens.issued)


@pytest.mark.parametrize(
    ("expires_in", "seconds", "asked"),
    [
        (None, 49, 1),
        (None, 51, 2),
        (300, 289, 1),
        (300, 291, 2),
        (4, 1.9, 1),
        (4, 2.1, 2),
        (3e11, 3589, 1),
        (3e11, 3591, 2),
        (0, 51, 2),
        ("300", 51, 2),
        (True, 51, 2),
    ],
)
def test_a_token_is_kept_for_its_time_less_a_margin(
    registry: FakeRegistry, expires_in: object, seconds: float, asked: int
) -> None:
    assert token_count(registry, expires_in, seconds) == asked


def test_a_token_that_is_refused_is_thrown_away_and_asked_for_once_more(registry: FakeRegistry) -> None:
    tokens = users()
    registry.demand_login(tokens)
    client = make_client(registry)
    assert reads(client, registry)
    tokens.issued.clear()
    assert reads(client, registry)
    tokens.uses = 0
    assert refusal(client, registry).code == "registry_denied"


def test_a_wrong_password_is_denied_and_in_no_message(registry: FakeRegistry) -> None:
    for basic in (True, False):
        registry.demand_login(users(), basic=basic)
        error = refusal(make_client(registry, Credential(username="ursula", secret="wr0ng")), registry)
        assert error.code == "registry_denied"
        assert "wr0ng" not in str(error)
    assert reads(make_client(registry), registry)


def test_a_password_that_no_longer_holds_is_denied_without_trying_again(registry: FakeRegistry) -> None:
    tokens = users()
    registry.demand_login(tokens, basic=True)
    client = make_client(registry)
    assert reads(client, registry)
    tokens.users.clear()
    assert refusal(client, registry).code == "registry_denied"
    assert sent(registry) == ["", BASIC, BASIC]


def test_the_oldest_of_a_thousand_tokens_is_let_go() -> None:
    asked: list[str] = []

    def send(exchange: Exchange, _: Deadline) -> Answer:
        if exchange.url.endswith("/v2/x"):
            challenge = {"WWW-Authenticate": 'Bearer realm="https://r.example/token"'}
            return Answer(status=200 if exchange.authorization else 401, headers=challenge, octets=b"")
        asked.append(exchange.url)
        return Answer(status=200, headers={}, octets=b'{"token":"t"}')

    transport = AuthorizedTransport(
        send=send, access=RegistryAccess(), credentials=CredentialSources(), count=lambda _: None
    )
    exchange = Exchange(method="GET", url="https://r.example/v2/x", expected=frozenset({200}), cap=0)
    for number in (*range(1001), 1, 0):
        scope = Scope(repository=Repository(registry="r.example", path=f"r{number}"))
        assert transport.send(exchange, scope, soon()).status == 200
    assert len(asked) == 1002
    assert asked[-1].endswith("repository%3Ar0%3Apull")


@pytest.mark.parametrize(
    ("challenge", "credential"),
    [
        ("", None),
        ('Digest realm="a"', LOGIN),
        ('Bearer realm="a', LOGIN),
        ('Basic realm="a"', None),
        ('Basic realm="a"', Credential(username="<token>", secret="refresh", identity_token=True)),
    ],
)
def test_a_challenge_that_cannot_be_answered_is_a_denial(
    registry: FakeRegistry, challenge: str, credential: Credential | None
) -> None:
    registry.faults["/v2/app/manifests/v1"] = Fault(status=401, headers=(("WWW-Authenticate", challenge),))
    assert refusal(make_client(registry, credential), registry).code == "registry_denied"
    assert set(sent(registry)) == {""}


@pytest.mark.parametrize(
    "realm",
    [
        "https://127.0.0.1:1/token",
        "https://auth.example/token",
        "https://169.254.169.254/token",
        "http://auth.example/token",
        "https://{host}@evil.example/token",
        "https://{host}.evil.example/token",
        "https://{host}/token#x",
        "https://{host}/to ken",
        "https://{host}:0/token",
        "https://[::1/token",
        "ftp://{host}/token",
        "/token",
        "",
    ],
)
def test_nothing_is_sent_to_a_token_host_of_another_site(registry: FakeRegistry, realm: str) -> None:
    written = realm.format(host=registry.host)
    registry.demand_login(users(), realm="r")
    registry.faults["/v2/app/manifests/v1"] = Fault(
        status=401, headers=(("WWW-Authenticate", f'Bearer realm="{written}"'),)
    )
    error = refusal(make_client(registry), registry)
    assert (type(error), error.code) == (InvalidInput, "realm_refused")
    assert sent(registry) == [""]


def test_a_configured_token_host_learns_the_credential(registry: FakeRegistry, other: FakeRegistry) -> None:
    other.tokens = users()
    registry.demand_login(other.tokens, realm=f"{other.url}/token?tenant=a")
    both = frozenset({registry.host, other.host})
    paired = {registry.host: HostAccess(token_hosts=frozenset({other.host}))}
    assert refusal(make_client(registry, access=RegistryAccess(plain_http=both)), registry).code == "realm_refused"
    assert other.requests == []
    assert reads(make_client(registry, access=RegistryAccess(plain_http=both, hosts=paired)), registry)
    assert sent(other) == [BASIC]
    assert other.requests[0].query.startswith("tenant=a&")
    unnamed = RegistryAccess(plain_http_on_loopback=True, hosts=paired)
    assert refusal(make_client(registry, access=unnamed), registry).code == "realm_refused"


def test_a_token_service_that_redirects_is_not_followed_off_its_host(
    registry: FakeRegistry, other: FakeRegistry
) -> None:
    registry.demand_login(users())
    registry.faults["/token"] = Fault(status=307, location=f"{other.url}/token")
    both = RegistryAccess(plain_http=frozenset({registry.host, other.host}))
    assert refusal(make_client(registry, access=both), registry).code == "registry_unavailable"
    assert other.requests == []


@pytest.mark.parametrize(
    "octets",
    [b"{}", b"[]", b"{", b'{"token":""}', b'{"token":1}', b'{"token":"a b"}', b'{"token":"a\\r\\nX: y"}'],
)
def test_an_answer_without_a_usable_token_is_refused(registry: FakeRegistry, octets: bytes) -> None:
    registry.demand_login(users())
    registry.faults["/token"] = Fault(octets=octets, times=1)
    client = make_client(registry)
    assert refusal(client, registry).code == "registry_unavailable"
    assert reads(client, registry)


def test_a_redirect_to_storage_loses_the_credential(registry: FakeRegistry, other: FakeRegistry) -> None:
    registry.demand_login(users(), basic=True)
    descriptor = registry.put_blob("app", b"blob")
    other.put_blob("app", b"blob")
    path = f"/v2/app/blobs/{descriptor.digest}"
    registry.faults[path] = Fault(status=307, location=f"{other.url}{path}")
    client = make_client(registry, access=RegistryAccess(plain_http=frozenset({registry.host, other.host})))
    assert reads(client, registry)
    assert client.fetch_blob(registry.repository("app"), descriptor, soon()) == b"blob"
    assert sent(registry)[-1] == BASIC
    assert sent(other) == [""]
    other.faults[path] = Fault(status=401, headers=(("WWW-Authenticate", 'Basic realm="a"'),))
    with pytest.raises(Unavailable) as caught:
        client.fetch_blob(registry.repository("app"), descriptor, soon())
    assert caught.value.code == "registry_denied"
    assert sent(other) == ["", ""]
