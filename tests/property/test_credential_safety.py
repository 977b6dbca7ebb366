"""In a random maze of registries, token services, redirects and mirrors each secret stays where it belongs."""

import base64
import io
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.adapters.registry.access import HostAccess, RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.credential_source import CredentialSources
from assay.domain.credential import Credential
from assay.domain.descriptor import OCI_MANIFEST, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import AssayError
from assay.domain.limit import Limits
from assay.formats.docker_config import DockerConfig
from tests.fakes.oci import bundle_referrer, image, put_bundle, put_image, soon
from tests.fakes.registry import FakeRegistry, Fault, Guard, SeenRequest, TokenService

_COUNT = 3
_IMAGE = Digest.of(image())
_BLOB = Descriptor(media_type="a/b", digest=Digest.of(b"layer"), size=5)
_BLOB_PATH = f"/v2/app/blobs/{_BLOB.digest}"
_PLACES = (
    _BLOB_PATH,
    "/v2/app/manifests/v1",
    f"/v2/app/manifests/{_IMAGE}",
    f"/v2/app/referrers/{_IMAGE}",
    "/v2/app/tags/list",
    "/v2/app/blobs/uploads/",
    "/v2/app/blobs/uploads/1",
    "/token",
)

hosts = st.integers(0, _COUNT - 1)
some_hosts = st.lists(hosts, max_size=2, unique=True)
plain_addresses = st.sampled_from([f"http://{{{number}}}" for number in range(_COUNT)])
odd_addresses = st.sampled_from(
    [
        *(f"http://alias{{{number}}}" for number in range(_COUNT)),
        *(f"https://{{{number}}}" for number in range(_COUNT)),
        "http://{0}@{1}",
        "//{1}",
        "https://169.254.169.254",
        "",
    ]
)
addresses = plain_addresses | plain_addresses | odd_addresses


@dataclass(frozen=True, kw_only=True)
class Corner:
    """How one host of the maze behaves, and what is configured about it."""

    guarded: str
    realm: str
    identity_token: bool
    redirects: dict[str, str]
    links: str
    referrers_api: bool
    token_hosts: list[int]
    mirrors: list[int]


corners = st.builds(
    Corner,
    guarded=st.sampled_from(["basic", "bearer", "both", ""]),
    realm=plain_addresses | addresses,
    identity_token=st.booleans(),
    redirects=st.dictionaries(st.sampled_from((_BLOB_PATH, *_PLACES)), addresses, max_size=3),
    links=st.just("") | addresses,
    referrers_api=st.booleans(),
    token_hosts=some_hosts,
    mirrors=some_hosts,
)


@pytest.fixture(scope="module")
def registries() -> Iterator[list[FakeRegistry]]:
    with ExitStack() as stack:
        yield [stack.enter_context(FakeRegistry.start()) for _ in range(_COUNT)]


def lead_to(address: str, registries: list[FakeRegistry]) -> str:
    """The address with hosts filled in; `alias` makes it another name of the same server."""
    named = address
    for number, registry in enumerate(registries):
        named = named.replace(f"alias{{{number}}}", registry.host.replace("127.0.0.1", "localhost"))
        named = named.replace(f"{{{number}}}", registry.host)
    return named


def prepare(registry: FakeRegistry, corner: Corner, registries: list[FakeRegistry], tokens: TokenService) -> None:
    registry.requests.clear()
    registry.shelves.clear()
    registry.uploads.clear()
    put_image(registry, "app")
    put_bundle(registry, "app", image(), b"bundle")
    registry.tokens = tokens
    registry.referrers_api = corner.referrers_api
    registry.faults = {
        place: Fault(status=307, location=f"{lead_to(address, registries)}{place}", times=2)
        for place, address in corner.redirects.items()
    }
    if corner.links:
        link = f'<{lead_to(corner.links, registries)}/v2/app/tags/list?last=1>; rel="next"'
        registry.faults.setdefault("/v2/app/tags/list", Fault(headers=(("Link", link),), times=2))
    realm = f"{lead_to(corner.realm, registries)}/token" if corner.guarded in {"bearer", "both"} else ""
    bearer = f'Bearer realm="{realm}",service="{registry.host}"'
    challenge = f'Basic realm="x", {bearer}' if corner.guarded == "both" else ""
    registry.guard = Guard(tokens=tokens, realm=realm, service=registry.host, challenge=challenge)
    if not corner.guarded:
        registry.guard = None


def run(client: RegistryClient, registry: FakeRegistry) -> str:
    """Do everything a client can do, and return whatever was said when it failed."""
    repository = registry.repository("app")
    steps: list[Callable[[], object]] = [
        lambda: client.resolve(registry.reference("app", tag="v1"), soon()),
        lambda: client.resolve(registry.reference("app", digest=_IMAGE), soon()),
        lambda: client.fetch_blob(repository, _BLOB, soon()),
        lambda: client.list_referrers(repository, _IMAGE, soon()),
        lambda: client.list_tags(repository, soon()),
        lambda: client.push_blob(repository, b"new", soon()),
        lambda: client.push_manifest(repository, bundle_referrer(image(), b"n"), OCI_MANIFEST, soon()),
    ]
    said = []
    for step in steps:
        try:
            step()
        except AssayError as error:
            said.append("".join(traceback.format_exception(error)) + repr(error) + str(error))
    return "\n".join(said)


def everything_in(request: SeenRequest) -> str:
    """All that a host saw of a request, with Basic and forms opened."""
    text = f"{request.path}?{request.query} {request.headers} {request.body!r}"
    packed = request.headers.get("authorization", "").partition("Basic ")[2]
    return f"{text} {unquote_plus(text)} {base64.b64decode(packed).decode()}"


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*[corners] * _COUNT))
def test_no_secret_reaches_a_host_it_was_not_given_for_or_is_told(
    registries: list[FakeRegistry], maze: tuple[Corner, ...]
) -> None:
    names = [registry.host for registry in registries]
    logins = {
        host: Credential(
            username="<token>" if corner.identity_token else f"user{number}",
            secret=f"s3cr3t+{number}!",
            identity_token=corner.identity_token,
        )
        for number, (host, corner) in enumerate(zip(names, maze, strict=True))
    }
    tokens = TokenService(
        users={item.username: item.secret for item in logins.values()},
        identity_tokens={item.secret for item in logins.values()},
    )
    for registry, corner in zip(registries, maze, strict=True):
        prepare(registry, corner, registries, tokens)
    access = RegistryAccess(
        plain_http=frozenset(names),
        hosts={
            host: HostAccess(
                token_hosts=frozenset(names[number] for number in corner.token_hosts),
                mirrors=tuple(names[number] for number in corner.mirrors),
            )
            for host, corner in zip(names, maze, strict=True)
        },
    )
    config = DockerConfig(credentials=logins, helpers={}, store="")
    with logs() as log:
        client = RegistryClient(
            access=access,
            limits=Limits(),
            credentials=CredentialSources(configs=[config]),
            pause=lambda _: None,
        )
        told = "".join(run(client, registry) for registry in registries) + repr((client, config, access)) + log()
        client.close()
    assert "s3cr3t" not in told
    assert not any(token in told for token in tokens.issued)
    for registry in registries:
        for request in registry.requests:
            check(request, logins, tokens, access)


def check(request: SeenRequest, logins: dict[str, Credential], tokens: TokenService, access: RegistryAccess) -> None:
    """A secret is seen by its registry, or by that registry's token host; a token by the registry it is for."""
    seen, host = everything_in(request), request.headers["host"]
    for owner, login in logins.items():
        if login.secret in seen or quote_plus(login.secret) in seen:
            assert host == owner or (host in access.hosts[owner].token_hosts and request.path == "/token")
    for token in tokens.issued:
        if token in seen:
            assert token.endswith(f"-for-{host}")


@contextmanager
def logs() -> Iterator[Callable[[], str]]:
    """Collect every log line, whatever its level, for the length of a block."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream.getvalue
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
