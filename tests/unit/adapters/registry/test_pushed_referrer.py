"""Pushing a referrer: noted by the registry, or by us under the fallback tag."""

from collections.abc import Iterator

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, SIGSTORE_BUNDLE
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.limit import Limits
from tests.fakes.oci import bundle_referrer, image, index, put_image, rendered, soon
from tests.fakes.registry import FakeRegistry, Fault

IMAGE = Digest.of(image())


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        put_image(fake, "app")
        yield fake


@pytest.fixture
def client() -> RegistryClient:
    access = RegistryAccess(plain_http_on_loopback=True)
    return RegistryClient(access=access, limits=Limits(), pause=lambda _: None)


def test_a_referrer_pushed_without_the_api_is_merged_into_the_fallback_tag(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    registry.referrers_api = False
    repository = registry.repository("app")
    pushed = [
        client.push_manifest(repository, bundle_referrer(image(), b"%d" % number), OCI_MANIFEST, soon())
        for number in (1, 2, 1)
    ]
    listed = client.list_referrers(repository, IMAGE, soon())
    assert list(listed) == sorted(set(pushed), key=lambda entry: entry.digest)
    assert {entry.artifact_type for entry in listed} == {SIGSTORE_BUNDLE}


def test_an_index_may_be_a_referrer_too(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.referrers_api = False
    octets = index(subject=rendered(OCI_MANIFEST, image()), artifactType="application/x")
    pushed = client.push_manifest(registry.repository("app"), octets, OCI_INDEX, soon())
    assert client.list_referrers(registry.repository("app"), IMAGE, soon()) == (pushed,)


def test_a_referrer_pushed_with_the_api_writes_no_tag(client: RegistryClient, registry: FakeRegistry) -> None:
    pushed = client.push_manifest(registry.repository("app"), bundle_referrer(image(), b"1"), OCI_MANIFEST, soon())
    assert registry.shelf("app").tags.keys() == {"v1"}
    assert [entry.digest for entry in client.list_referrers(registry.repository("app"), IMAGE, soon())] == [
        pushed.digest
    ]


def test_a_fallback_tag_that_forgets_what_was_written_is_reported(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    registry.referrers_api = registry.conditions = False
    path = f"/v2/app/manifests/sha256-{IMAGE.hex}"
    empty = Digest.of(index()).text
    registry.faults[path] = Fault(method="GET", octets=index(), media_type=OCI_INDEX, status=200, claimed_digest=empty)
    with pytest.raises(Unavailable) as caught:
        client.push_manifest(registry.repository("app"), bundle_referrer(image(), b"1"), OCI_MANIFEST, soon())
    assert caught.value.code == "registry_unavailable"
    assert registry.paths("PUT").count(path) == 10
