import os
import time
from collections.abc import Iterator

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, SIGSTORE_BUNDLE, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.limit import Limits
from tests.fakes.oci import (
    image,
    index,
    put_bundle,
    put_image,
    soon,
)
from tests.fakes.registry import FakeRegistry, Fault

IMAGE = Digest.of(image())
MANIFEST_PATH = f"/v2/app/manifests/{IMAGE}"
BLOB = b"blob"
BLOB_PATH = f"/v2/app/blobs/{Digest.of(BLOB)}"
BLOB_DESCRIPTOR = Descriptor(media_type="application/octet-stream", digest=Digest.of(BLOB), size=len(BLOB))
REFERRERS_PATH = f"/v2/app/referrers/{IMAGE}"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start(page_size=2) as fake:
        put_image(fake, "app")
        fake.put_blob("app", BLOB)
        yield fake


@pytest.fixture
def client() -> Iterator[RegistryClient]:
    client = make_client()
    yield client
    client.close()


def make_client(**limits: int) -> RegistryClient:
    access = RegistryAccess(plain_http_on_loopback=True)
    return RegistryClient(access=access, limits=Limits(**limits), pause=lambda _: None)


def really(seconds: float) -> Deadline:
    return Deadline.after(seconds, time.monotonic)


def resolve_code(client: RegistryClient, registry: FakeRegistry, deadline: Deadline | None = None) -> str:
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        client.resolve(registry.reference("app", digest=IMAGE), deadline or soon())
    return caught.value.code


def resolves(client: RegistryClient, registry: FakeRegistry) -> bool:
    return client.resolve(registry.reference("app", digest=IMAGE), soon()).digest == IMAGE


def blob_code(client: RegistryClient, registry: FakeRegistry, descriptor: Descriptor = BLOB_DESCRIPTOR) -> str:
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        client.fetch_blob(registry.repository("app"), descriptor, soon())
    return caught.value.code


def test_a_tag_and_a_digest_resolve_to_the_same_manifest(client: RegistryClient, registry: FakeRegistry) -> None:
    by_tag = client.resolve(registry.reference("app", tag="v1"), soon())
    assert by_tag == client.resolve(registry.reference("app", tag="moved", digest=IMAGE), soon())
    assert (by_tag.digest, by_tag.media_type, by_tag.octets) == (IMAGE, OCI_MANIFEST, image())
    sent = registry.requests[0].headers
    assert sent["accept-encoding"] == "identity"
    assert OCI_INDEX in sent["accept"]
    assert not {"authorization", "cookie"} & sent.keys()


def test_an_unknown_reference_is_manifest_unknown(client: RegistryClient, registry: FakeRegistry) -> None:
    with pytest.raises(InvalidInput) as caught:
        client.resolve(registry.reference("app", tag="v2"), soon())
    assert caught.value.code == "manifest_unknown"
    assert client.find_manifest(registry.repository("app"), "v2", soon()) is None
    assert client.find_manifest(registry.repository("nowhere"), "v1", soon()) is None


def test_the_connection_is_kept_alive(client: RegistryClient, registry: FakeRegistry) -> None:
    for tag in ("v1", "absent", "v1"):
        client.find_manifest(registry.repository("app"), tag, soon())
    client.push_blob(registry.repository("app"), BLOB, soon())
    client.push_blob(registry.repository("app"), b"", soon())
    assert registry.connections_made == 1


def test_other_bytes_under_a_digest_are_a_digest_mismatch(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.faults[MANIFEST_PATH] = Fault(octets=image(annotations={"x": "y"}), times=1)
    assert resolve_code(client, registry) == "digest_mismatch"
    registry.faults[MANIFEST_PATH] = Fault(octets=image(annotations={"x": "y"}), claimed_digest=IMAGE.text, times=1)
    assert resolve_code(client, registry) == "digest_mismatch"
    registry.shelf("app").manifests[IMAGE.text] = (OCI_MANIFEST, image(annotations={"x": "y"}))
    registry.faults[MANIFEST_PATH] = Fault(claimed_digest=Digest.of(image(annotations={"x": "y"})).text)
    assert resolve_code(client, registry) == "digest_mismatch"
    put_image(registry, "app")
    registry.faults.clear()
    assert resolves(client, registry)


def test_a_tag_whose_claimed_digest_lies_is_a_digest_mismatch(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.faults["/v2/app/manifests/v1"] = Fault(claimed_digest=Digest.of(b"x").text, times=1)
    with pytest.raises(InvalidInput) as caught:
        client.resolve(registry.reference("app", tag="v1"), soon())
    assert caught.value.code == "digest_mismatch"
    assert client.resolve(registry.reference("app", tag="v1"), soon())


@pytest.mark.parametrize(
    "media_type",
    [OCI_INDEX, "application/json", "application/vnd.docker.distribution.manifest.v1+prettyjws"],
)
def test_a_content_type_that_disagrees_is_malformed(
    client: RegistryClient, registry: FakeRegistry, media_type: str
) -> None:
    registry.faults[MANIFEST_PATH] = Fault(media_type=media_type, times=1)
    assert resolve_code(client, registry) == "manifest_malformed"
    assert resolves(client, registry)


def test_a_document_with_layers_and_manifests_is_malformed(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.put_manifest("app", image(manifests=[]), tag="both")
    with pytest.raises(InvalidInput) as caught:
        client.resolve(registry.reference("app", tag="both"), soon())
    assert caught.value.code == "manifest_malformed"


def test_a_manifest_above_the_limit_is_refused(registry: FakeRegistry) -> None:
    assert resolve_code(make_client(manifest_octets=len(image()) - 1), registry) == "evidence_limit"
    assert resolves(make_client(manifest_octets=len(image())), registry)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "registry_denied"),
        (403, "registry_denied"),
        (429, "registry_unavailable"),
        (500, "registry_unavailable"),
        (503, "registry_unavailable"),
        (204, "registry_unavailable"),
        (206, "registry_unavailable"),
        (302, "registry_unavailable"),
        (400, "registry_unavailable"),
        (410, "registry_unavailable"),
    ],
)
def test_no_status_but_404_is_absence(client: RegistryClient, registry: FakeRegistry, status: int, code: str) -> None:
    registry.faults[MANIFEST_PATH] = Fault(status=status, times=1)
    assert resolve_code(client, registry) == code
    assert len(registry.requests) == 1
    assert resolves(client, registry)


def test_a_content_coding_is_refused(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.faults[MANIFEST_PATH] = Fault(coding=True, times=1)
    assert resolve_code(client, registry) == "registry_unavailable"
    assert resolves(client, registry)


def test_a_read_is_repeated_once_when_the_connection_breaks(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.faults[MANIFEST_PATH] = Fault(drop=True, times=1)
    assert resolves(client, registry)
    assert len(registry.requests) == 2
    registry.faults[MANIFEST_PATH] = Fault(drop=True, times=2)
    assert resolve_code(client, registry) == "registry_unavailable"
    assert len(registry.requests) == 4


def test_a_truncated_body_is_a_broken_connection(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.faults[MANIFEST_PATH] = Fault(truncate=10, times=1)
    assert resolves(client, registry)
    registry.faults[MANIFEST_PATH] = Fault(truncate=10, times=2)
    assert resolve_code(client, registry) == "registry_unavailable"


def test_a_registry_that_is_not_there_is_unavailable(client: RegistryClient) -> None:
    with FakeRegistry.start() as gone:
        reference = gone.reference("app", tag="v1")
    with pytest.raises(Unavailable) as caught:
        client.resolve(reference, soon())
    assert caught.value.code == "registry_unavailable"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(seconds_per_octet=0.1), id="body"),
        pytest.param(Fault(seconds_per_octet=0.1, chunked=True), id="chunked body"),
        pytest.param(Fault(seconds_per_head_octet=0.1), id="head"),
    ],
)
def test_a_trickle_ends_at_the_deadline(client: RegistryClient, registry: FakeRegistry, fault: Fault) -> None:
    registry.faults[MANIFEST_PATH] = fault
    began = time.monotonic()
    assert resolve_code(client, registry, really(0.3)) == "deadline_exceeded"
    assert 0.25 < time.monotonic() - began < 8


@pytest.mark.parametrize("length", ["9" * 5000, "many", "-1"])
def test_a_length_that_is_no_number_is_not_believed(
    client: RegistryClient, registry: FakeRegistry, length: str
) -> None:
    registry.faults[MANIFEST_PATH] = Fault(claimed_length=length, headers=(("Connection", "close"),))
    assert resolves(client, registry)


def test_a_chunked_body_is_read(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.faults[MANIFEST_PATH] = Fault(chunked=True)
    assert resolves(client, registry)


def test_nothing_is_asked_after_the_deadline(client: RegistryClient, registry: FakeRegistry) -> None:
    assert resolve_code(client, registry, soon(0)) == "deadline_exceeded"
    assert registry.requests == []


def test_a_blob_is_fetched_with_its_digest_checked(client: RegistryClient, registry: FakeRegistry) -> None:
    assert client.fetch_blob(registry.repository("app"), BLOB_DESCRIPTOR, soon()) == BLOB
    registry.faults[BLOB_PATH] = Fault(octets=b"bl0b")
    assert blob_code(client, registry) == "digest_mismatch"


@pytest.mark.parametrize("octets", [b"blo", b"blobs", b"blob" * 100_000])
def test_a_blob_of_another_size_is_a_digest_mismatch(
    client: RegistryClient, registry: FakeRegistry, octets: bytes
) -> None:
    registry.faults[BLOB_PATH] = Fault(octets=octets)
    assert blob_code(client, registry) == "digest_mismatch"


def test_a_blob_above_the_limit_is_not_asked_for(registry: FakeRegistry) -> None:
    assert blob_code(make_client(blob_octets=3), registry) == "evidence_limit"
    assert registry.requests == []
    assert make_client(blob_octets=4).fetch_blob(registry.repository("app"), BLOB_DESCRIPTOR, soon()) == BLOB


def test_a_blob_that_does_not_exist_is_no_absence(client: RegistryClient, registry: FakeRegistry) -> None:
    missing = Descriptor(media_type="a/b", digest=Digest.of(b"missing"), size=7)
    assert blob_code(client, registry, missing) == "manifest_malformed"


def test_referrers_are_listed_over_all_pages(client: RegistryClient, registry: FakeRegistry) -> None:
    pushed = {put_bundle(registry, "app", image(), b"bundle %d" % number) for number in range(5)}
    listed = client.list_referrers(registry.repository("app"), IMAGE, soon())
    assert {entry.digest for entry in listed} == pushed
    assert {entry.artifact_type for entry in listed} == {SIGSTORE_BUNDLE}
    assert registry.paths() == [REFERRERS_PATH] * 3


def referrers_code(client: RegistryClient, registry: FakeRegistry) -> str:
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        client.list_referrers(registry.repository("app"), IMAGE, soon())
    return caught.value.code


def test_endless_pages_are_capped(registry: FakeRegistry) -> None:
    registry.faults[REFERRERS_PATH] = Fault(endless_pages=True)
    assert referrers_code(make_client(referrer_pages=3), registry) == "evidence_limit"
    assert len(registry.requests) == 3


def test_a_repeated_page_is_refused(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.faults[REFERRERS_PATH] = Fault(headers=(("Link", f'<{REFERRERS_PATH}>; rel="next"'),))
    assert referrers_code(client, registry) == "evidence_limit"
    assert len(registry.requests) == 1


def test_referrers_above_the_limit_are_refused(registry: FakeRegistry) -> None:
    for number in range(3):
        put_bundle(registry, "app", image(), b"bundle %d" % number)
    assert referrers_code(make_client(referrers=2), registry) == "evidence_limit"
    assert len(make_client(referrers=3).list_referrers(registry.repository("app"), IMAGE, soon())) == 3


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(headers=(("Link", '<http://127.0.0.1:1/v2/>; rel="next"'),)), id="foreign link"),
        pytest.param(Fault(headers=(("Link", '<ftp://127.0.0.1/>; rel="next"'),)), id="no http link"),
        pytest.param(Fault(headers=(("Link", '</v2/gone/>; rel="next"'),)), id="link to nothing"),
        pytest.param(Fault(octets=image(), media_type=OCI_MANIFEST), id="no index"),
        pytest.param(Fault(octets=b"<html>", media_type="text/html"), id="a web page"),
        pytest.param(Fault(octets=b"{}"), id="an empty object"),
    ],
)
def test_a_malformed_list_of_referrers_is_refused(client: RegistryClient, registry: FakeRegistry, fault: Fault) -> None:
    registry.faults[REFERRERS_PATH] = fault
    assert referrers_code(client, registry) == "manifest_malformed"
    registry.faults.clear()
    assert client.list_referrers(registry.repository("app"), IMAGE, soon()) == ()


def test_only_404_means_that_there_is_no_referrers_api(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.put_manifest("app", index(), OCI_INDEX, tag=f"sha256-{IMAGE.hex}")
    for status, code in ((401, "registry_denied"), (405, "registry_unavailable"), (500, "registry_unavailable")):
        registry.faults[REFERRERS_PATH] = Fault(status=status)
        assert referrers_code(client, registry) == code
    registry.faults[REFERRERS_PATH] = Fault(status=404)
    assert client.list_referrers(registry.repository("app"), IMAGE, soon()) == ()


def test_the_fallback_tag_has_to_be_an_index(client: RegistryClient, registry: FakeRegistry) -> None:
    registry.referrers_api = False
    assert client.list_referrers(registry.repository("app"), IMAGE, soon()) == ()
    registry.put_manifest("app", image(), tag=f"sha256-{IMAGE.hex}")
    assert referrers_code(client, registry) == "manifest_malformed"


def test_a_blob_is_pushed_once(client: RegistryClient, registry: FakeRegistry) -> None:
    repository = registry.repository("new/app")
    for content in (b"", b"x" * 300_000):
        pushed = client.push_blob(repository, content, soon())
        assert client.push_blob(repository, content, soon()) == pushed
        assert client.fetch_blob(repository, pushed, soon()) == content
    assert len(registry.paths("PUT")) == 2


@pytest.mark.parametrize("location", ["http://127.0.0.1:1/v2/", "", "http://[", "http://u:p@127.0.0.1/"])
def test_an_upload_stays_on_its_host(client: RegistryClient, registry: FakeRegistry, location: str) -> None:
    registry.faults["/v2/app/blobs/uploads/"] = Fault(headers=(("Location", location),))
    with pytest.raises(Unavailable) as caught:
        client.push_blob(registry.repository("app"), b"other", soon())
    assert caught.value.code == "registry_unavailable"


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "registry_denied"), (400, "push_refused"), (404, "push_refused"), (429, "registry_unavailable")],
)
def test_a_refused_push_says_who_must_act(
    client: RegistryClient, registry: FakeRegistry, status: int, code: str
) -> None:
    registry.faults["/v2/app/blobs/uploads/"] = Fault(status=status, times=1)
    with pytest.raises(AssayError) as caught:
        client.push_blob(registry.repository("app"), b"other", soon())
    assert caught.value.code == code
    assert client.push_blob(registry.repository("app"), b"other", soon())


def test_an_upload_ends_at_the_deadline(client: RegistryClient, registry: FakeRegistry) -> None:
    ticks = iter(range(100))
    deadline = Deadline(at=8, clock=lambda: float(next(ticks)))
    with pytest.raises(Unavailable) as caught:
        client.push_blob(registry.repository("app"), b"x" * 2_000_000, deadline)
    assert caught.value.code == "deadline_exceeded"


def test_a_manifest_is_pushed_by_digest_and_by_tag(client: RegistryClient, registry: FakeRegistry) -> None:
    pushed = client.push_manifest(registry.repository("app"), image(annotations={"a": "b"}), OCI_MANIFEST, soon())
    assert pushed.digest == Digest.of(image(annotations={"a": "b"}))
    client.push_manifest(registry.repository("app"), image(), OCI_MANIFEST, soon(), tag="v9")
    assert client.resolve(registry.reference("app", tag="v9"), soon()).digest == IMAGE
    assert registry.paths("PUT") == [f"/v2/app/manifests/{pushed.digest}", "/v2/app/manifests/v9"]


def test_a_push_that_is_acknowledged_under_another_digest_is_refused(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    registry.faults[MANIFEST_PATH] = Fault(claimed_digest=Digest.of(b"").text, times=1)
    with pytest.raises(InvalidInput) as caught:
        client.push_manifest(registry.repository("app"), image(), OCI_MANIFEST, soon())
    assert caught.value.code == "digest_mismatch"
    assert client.push_manifest(registry.repository("app"), image(), OCI_MANIFEST, soon()).digest == IMAGE


def test_what_is_no_manifest_is_not_pushed(client: RegistryClient, registry: FakeRegistry) -> None:
    with pytest.raises(InvalidInput) as caught:
        client.push_manifest(registry.repository("app"), b"{}", OCI_MANIFEST, soon())
    assert caught.value.code == "manifest_malformed"
    assert registry.requests == []


def test_a_connection_is_not_used_after_a_fork(client: RegistryClient, registry: FakeRegistry) -> None:
    assert resolves(client, registry)
    child = os.fork()
    if child == 0:
        os._exit(0 if resolves(client, registry) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert resolves(client, registry)
    assert registry.connections_made == 2
