"""Lists with filters and pages, and what a client remembers by digest."""

from collections.abc import Iterator

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, SIGSTORE_BUNDLE, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from tests.fakes.oci import bundle_referrer, image, index, put_bundle, put_image, rendered, soon
from tests.fakes.registry import FakeRegistry, Fault

IMAGE = Digest.of(image())
MANIFEST_PATH = f"/v2/app/manifests/{IMAGE}"
FALLBACK = f"sha256-{IMAGE.hex}"
BLOB = b"blob"
BLOB_PATH = f"/v2/app/blobs/{Digest.of(BLOB)}"
BLOB_DESCRIPTOR = Descriptor(media_type="application/octet-stream", digest=Digest.of(BLOB), size=len(BLOB))


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start(page_size=2) as fake:
        put_image(fake, "app")
        fake.put_blob("app", BLOB)
        yield fake


@pytest.fixture
def client() -> RegistryClient:
    return make_client()


def make_client(**limits: int) -> RegistryClient:
    return RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits(**limits))


def resolves(client: RegistryClient, registry: FakeRegistry) -> bool:
    return client.resolve(registry.reference("app", digest=IMAGE), soon()).digest == IMAGE


def test_a_list_of_referrers_is_filtered_by_the_registry_and_again_by_us(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    repository = registry.repository("app")
    wanted = put_bundle(registry, "app", image(), b"bundle")
    other = bundle_referrer(image(), b"other", artifactType="application/x+y; z=1&w")
    registry.put_manifest("app", other)
    for filters in (True, False):
        registry.filters = filters
        for kind, digest in ((SIGSTORE_BUNDLE, wanted), ("application/x+y; z=1&w", Digest.of(other))):
            listed = client.list_referrers(repository, IMAGE, soon(), artifact_type=kind)
            assert [entry.digest for entry in listed] == [digest]
    registry.referrers_api = False
    registry.put_manifest("app", index(rendered(OCI_MANIFEST, other, artifactType="a/b")), OCI_INDEX, tag=FALLBACK)
    assert client.list_referrers(repository, IMAGE, soon(), artifact_type="a/c") == ()
    assert len(client.list_referrers(repository, IMAGE, soon(), artifact_type="a/b")) == 1


def test_tags_are_listed_over_all_pages(client: RegistryClient, registry: FakeRegistry) -> None:
    for number in range(5):
        registry.put_manifest("app", image(), tag=f"t{number}")
    assert client.list_tags(registry.repository("app"), soon()) == ("t0", "t1", "t2", "t3", "t4", "v1")
    assert client.list_tags(registry.repository("nowhere"), soon()) == ()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(octets=b"[]"), "manifest_malformed"),
        (Fault(octets=b"{"), "manifest_malformed"),
        (Fault(octets=b'{"tags":["a b"]}'), "manifest_malformed"),
        (Fault(octets=b'{"tags":"v1"}'), "manifest_malformed"),
        (Fault(octets=b'{"tags":["a","b","c","d"]}'), "evidence_limit"),
        (Fault(endless_pages=True), "evidence_limit"),
    ],
)
def test_a_list_of_tags_is_bounded_or_refused(registry: FakeRegistry, fault: Fault, code: str) -> None:
    client = make_client(tags=3)
    registry.faults["/v2/app/tags/list"] = fault
    with pytest.raises(InvalidInput) as caught:
        client.list_tags(registry.repository("app"), soon())
    assert caught.value.code == code
    registry.faults["/v2/app/tags/list"] = Fault(octets=b'{"tags":null}')
    assert client.list_tags(registry.repository("app"), soon()) == ()


def remembering(counted: list[str]) -> RegistryClient:
    access = RegistryAccess(plain_http_on_loopback=True)
    return RegistryClient(access=access, limits=Limits(), remembered_octets=2**20, count=counted.append)


def test_what_was_read_by_digest_is_remembered(registry: FakeRegistry) -> None:
    counted: list[str] = []
    client = remembering(counted)
    for _ in range(2):
        assert resolves(client, registry)
        assert client.fetch_blob(registry.repository("app"), BLOB_DESCRIPTOR, soon()) == BLOB
        client.find_manifest(registry.repository("app"), "v1", soon())
    assert registry.paths() == [MANIFEST_PATH, BLOB_PATH, "/v2/app/manifests/v1", "/v2/app/manifests/v1"]
    assert counted == ["sent", "sent", "sent", "remembered", "remembered", "sent"]


def test_a_blob_is_not_remembered_as_a_manifest_nor_with_another_size(registry: FakeRegistry) -> None:
    client = remembering([])
    registry.put_blob("app", image())
    described = Descriptor(media_type="a/b", digest=IMAGE, size=len(image()))
    assert client.fetch_blob(registry.repository("app"), described, soon()) == image()
    assert resolves(client, registry)
    assert client.fetch_blob(registry.repository("app"), described, soon()) == image()
    wrong = Descriptor(media_type="a/b", digest=IMAGE, size=1)
    with pytest.raises(InvalidInput) as caught:
        client.fetch_blob(registry.repository("app"), wrong, soon())
    assert caught.value.code == "digest_mismatch"


def test_two_answers_under_one_digest_that_disagree_are_an_error(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    assert resolves(client, registry)
    registry.faults[MANIFEST_PATH] = Fault(octets=image(annotations={"x": "y"}))
    with pytest.raises(InvalidInput) as caught:
        resolves(client, registry)
    assert caught.value.code == "digest_mismatch"
