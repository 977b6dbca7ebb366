"""What a client that reads remembers of what lies beside a digest, and when it asks again."""

from collections.abc import Callable, Iterator

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.authorization import CredentialSource
from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.credential_source import NO_CREDENTIALS
from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_MANIFEST, SIMPLE_SIGNING
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.evidence_tag import evidence_tag
from assay.domain.limit import Limits
from assay.usecases.collect import Collected, collect
from assay.usecases.index import list_manifests
from assay.usecases.resolve import resolve
from tests.fakes.oci import bundle_referrer, image, legacy_manifest, put_bundle, put_image, refuse_nothing, soon
from tests.fakes.registry import FakeRegistry, Fault

IMAGE = Digest.of(image())
SIG = evidence_tag(IMAGE, ".sig")
SECOND = bundle_referrer(image(), b"second")
SIGNATURES = legacy_manifest([(b"payload", {})], SIMPLE_SIGNING)
REFERRERS = f"/v2/app/referrers/{IMAGE}"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        put_image(fake, "app")
        put_bundle(fake, "app", image(), b"bundle")
        yield fake


def make_client(credentials: CredentialSource = NO_CREDENTIALS) -> RegistryClient:
    return RegistryClient(
        access=RegistryAccess(plain_http_on_loopback=True),
        limits=Limits(),
        credentials=credentials,
        remembered_octets=2**20,
        listing_seconds=60,
    )


def collect_all(
    client: RegistryClient, registry: FakeRegistry, *, tag: str = "", digest: Digest | None = None
) -> Collected:
    resolved = resolve(client, registry.reference("app", tag=tag, digest=digest), soon())
    listing = list_manifests(client, resolved, soon(), Limits())
    (collected,) = collect(client, listing, soon(), Limits(), refuse=refuse_nothing)
    return collected


@pytest.mark.parametrize(("tag", "digest", "requests"), [("v1", None, 1), ("", IMAGE, 0)])
def test_a_warm_repeat_asks_for_the_tag_only(
    registry: FakeRegistry, tag: str, digest: Digest | None, requests: int
) -> None:
    client = make_client()
    cold = collect_all(client, registry, tag=tag, digest=digest)
    assert [item.content for item in cold.items] == [b"bundle"]
    registry.requests.clear()
    assert collect_all(client, registry, tag=tag, digest=digest) == cold
    assert len(registry.requests) == requests
    client.close()


def test_a_tag_that_moved_is_seen_at_once(registry: FakeRegistry) -> None:
    client = make_client()
    collect_all(client, registry, tag="v1")
    moved = image(annotations={"a": "b"})
    registry.put_manifest("app", moved, OCI_MANIFEST, tag="v1")
    assert collect_all(client, registry, tag="v1").subject.octets == moved
    client.close()


def test_a_fault_is_not_remembered(registry: FakeRegistry) -> None:
    client = make_client()
    registry.faults[REFERRERS] = Fault(status=500, times=1)
    assert {gap.code for gap in collect_all(client, registry, digest=IMAGE).gaps} == {"registry_unavailable"}
    assert collect_all(client, registry, digest=IMAGE).gaps == ()
    client.close()


@pytest.mark.parametrize(
    "push",
    [
        lambda client, repository: client.push_manifest(repository, SECOND, OCI_MANIFEST, soon()),
        lambda client, repository: client.push_manifest(repository, SIGNATURES, OCI_MANIFEST, soon(), tag=SIG),
        lambda client, repository: client.forget(repository, IMAGE),
        lambda client, repository: client.forget_repository(repository),
    ],
)
def test_what_is_pushed_or_told_to_be_forgotten_is_asked_for_again(
    registry: FakeRegistry, push: Callable[[RegistryClient, object], object]
) -> None:
    client, repository = make_client(), registry.repository("app")
    for blob in (b"second", b"payload"):
        registry.put_blob("app", blob)
    collect_all(client, registry, digest=IMAGE)
    registry.put_manifest("app", SECOND)
    registry.put_manifest("app", SIGNATURES, tag=SIG)
    assert len(collect_all(client, registry, digest=IMAGE).items) == 1
    push(client, repository)
    assert {item.content for item in collect_all(client, registry, digest=IMAGE).items} == {
        b"bundle",
        b"second",
        b"payload",
    }
    client.close()


class ChangingCredentials:
    """Credentials of whoever `name` says, of nobody for an empty name; `!` cannot be asked."""

    name = ""

    def find(self, registry: str, deadline: Deadline) -> Credential | None:
        deadline.remaining(registry)
        if self.name == "!":
            raise Unavailable("registry_denied", f"no login for {registry}", remedy="wait")
        return Credential(username=self.name, secret="s") if self.name else None


def test_whoever_else_asks_is_answered_by_the_registry(registry: FakeRegistry) -> None:
    credentials = ChangingCredentials()
    client = make_client(credentials)
    repository = registry.repository("app")
    for name, requests in (("", 1), ("a", 2), ("", 2), ("!", 3), ("!", 4)):
        credentials.name = name
        assert len(client.list_referrers(repository, IMAGE, soon())) == 1
        assert len(registry.requests) == requests
    client.close()
