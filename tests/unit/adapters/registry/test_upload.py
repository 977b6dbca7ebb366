"""Uploads: in one piece, in chunks, mounted, and going on after an interruption."""

from collections.abc import Iterator

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.descriptor import Content
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Repository
from tests.fakes.oci import soon
from tests.fakes.registry import FakeRegistry, Fault

CONTENT = b"0123456789" * 3
SESSION = "/v2/app/blobs/uploads/1"
BLOB = f"/v2/app/blobs/{Digest.of(CONTENT)}"
ACCESS = RegistryAccess(plain_http_on_loopback=True)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        yield fake


def push(registry: FakeRegistry, mounted_from: Repository | None = None, pieces: int = 1024) -> bool:
    """Whether the pushed blob lies in the registry as it should."""
    client = RegistryClient(access=ACCESS, limits=Limits(), piece_octets=pieces)
    client.push_blob(registry.repository("app"), CONTENT, soon(), mounted_from=mounted_from)
    return registry.shelf("app").blobs.get(Digest.of(CONTENT).text) == CONTENT


def refusal(registry: FakeRegistry, pieces: int = 1024) -> str:
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        push(registry, pieces=pieces)
    return caught.value.code


def methods(registry: FakeRegistry) -> list[str]:
    return [request.method for request in registry.requests]


def test_a_small_blob_goes_in_one_piece(registry: FakeRegistry) -> None:
    assert push(registry)
    assert push(registry)
    assert methods(registry) == ["HEAD", "POST", "PUT", "HEAD"]


def test_a_large_blob_goes_in_chunks(registry: FakeRegistry) -> None:
    assert push(registry, pieces=8)
    ranges = [request.headers.get("content-range", "") for request in registry.requests]
    assert ranges == ["", "", "0-7", "8-15", "16-23", "24-29", ""]


def test_the_registry_may_want_larger_chunks(registry: FakeRegistry) -> None:
    registry.faults["/v2/app/blobs/uploads/"] = Fault(headers=(("OCI-Chunk-Min-Length", "29"),))
    assert push(registry, pieces=8)
    assert methods(registry) == ["HEAD", "POST", "PATCH", "PATCH", "PUT"]


@pytest.mark.parametrize("kept", [0, 2, 8])
def test_an_interrupted_chunk_goes_on_where_the_registry_stands(registry: FakeRegistry, kept: int) -> None:
    registry.faults[SESSION] = Fault(kept=kept, times=1, method="PATCH")
    assert push(registry, pieces=8)
    assert methods(registry).count("GET") == 1


@pytest.mark.parametrize("kept", [0, 12, 29])
def test_an_interrupted_whole_goes_on_in_chunks(registry: FakeRegistry, kept: int) -> None:
    registry.faults[SESSION] = Fault(kept=kept, times=1, method="PUT")
    assert push(registry)
    assert methods(registry) == ["HEAD", "POST", "PUT", "GET", "PATCH", "PUT"]


def test_an_upload_that_was_carried_out_but_not_answered_is_there(registry: FakeRegistry) -> None:
    registry.faults[SESSION] = Fault(handled=True, times=1, method="PUT")
    registry.on_handled = lambda seen: registry.uploads.clear() if seen.method == "PUT" else None
    assert push(registry)
    assert methods(registry) == ["HEAD", "POST", "PUT", "GET", "HEAD"]


def test_a_session_that_is_gone_is_reported(registry: FakeRegistry) -> None:
    registry.faults[SESSION] = Fault(drop=True, times=1, method="PUT")
    registry.on_request = lambda seen: registry.uploads.clear() if seen.method == "GET" else None
    assert refusal(registry) == "registry_unavailable"


def test_a_registry_that_is_elsewhere_is_asked_where(registry: FakeRegistry) -> None:
    registry.faults[SESSION] = Fault(status=202, headers=(("Range", "0-3"),), times=1, method="PATCH")
    assert push(registry, pieces=8)
    assert methods(registry).count("GET") == 1


def test_interruptions_are_borne_three_times(registry: FakeRegistry) -> None:
    registry.faults[SESSION] = Fault(kept=2, times=3, method="PATCH")
    assert push(registry, pieces=8)
    registry.shelf("app").blobs.clear()
    registry.faults["/v2/app/blobs/uploads/2"] = Fault(kept=2, times=4, method="PATCH")
    assert refusal(registry, pieces=8) == "registry_unavailable"


def test_a_registry_that_never_agrees_is_given_up(registry: FakeRegistry) -> None:
    registry.faults[SESSION] = Fault(status=416, method="PATCH")
    assert refusal(registry, pieces=8) == "registry_unavailable"


@pytest.mark.parametrize("standing", ["0-30", "5-9", "bytes", "0-99999999999999999999"])
def test_a_position_beyond_the_content_is_refused(registry: FakeRegistry, standing: str) -> None:
    registry.faults[SESSION] = Fault(headers=(("Range", standing),), method="PATCH")
    assert refusal(registry, pieces=8) == "registry_unavailable"


@pytest.mark.parametrize("location", ["http://127.0.0.1:1/v2/", "ftp://127.0.0.1/"])
def test_a_session_does_not_move_to_another_host(registry: FakeRegistry, location: str) -> None:
    registry.faults[SESSION] = Fault(location=location, method="PATCH")
    assert refusal(registry, pieces=8) == "registry_unavailable"


def test_a_blob_is_mounted_from_a_repository_of_the_same_registry(registry: FakeRegistry) -> None:
    registry.put_blob("base", CONTENT)
    assert push(registry, registry.repository("base"))
    assert methods(registry) == ["POST"]


def test_a_mount_that_is_not_granted_becomes_an_upload(registry: FakeRegistry) -> None:
    registry.mounts = False
    registry.put_blob("base", CONTENT)
    assert push(registry, registry.repository("base"))
    assert methods(registry) == ["POST", "HEAD", "PUT"]
    assert f"mount={Digest.of(CONTENT)}".replace(":", "%3A") in registry.requests[0].query.replace(":", "%3A")


def test_a_blob_that_is_there_already_is_not_uploaded_when_it_cannot_be_mounted(registry: FakeRegistry) -> None:
    registry.mounts = False
    registry.put_blob("app", CONTENT)
    assert push(registry, registry.repository("base"))
    assert methods(registry) == ["POST", "HEAD"]


def test_a_content_is_pushed_under_its_digest(registry: FakeRegistry) -> None:
    content = Content(media_type="a/b", octets=CONTENT, digest=Digest.of(CONTENT))
    pushed = RegistryClient(access=ACCESS, limits=Limits()).push_blob(registry.repository("app"), content, soon())
    assert (pushed.digest, pushed.size) == (content.digest, len(CONTENT))
    assert registry.shelf("app").blobs[content.digest.text] == CONTENT


def test_nothing_is_mounted_across_registries(registry: FakeRegistry) -> None:
    assert push(registry, Repository.parse("registry.example/base"))
    assert [request.query for request in registry.requests if request.method == "POST"] == [""]


def test_a_mount_under_another_digest_is_refused(registry: FakeRegistry) -> None:
    registry.put_blob("base", CONTENT)
    registry.faults["/v2/app/blobs/uploads/"] = Fault(claimed_digest=Digest.of(b"").text)
    with pytest.raises(InvalidInput) as caught:
        push(registry, registry.repository("base"))
    assert caught.value.code == "digest_mismatch"


@pytest.mark.parametrize("fault", [Fault(claimed_length="29"), Fault(claimed_digest=Digest.of(b"").text)])
def test_a_head_that_disagrees_with_the_content_is_refused(registry: FakeRegistry, fault: Fault) -> None:
    registry.put_blob("app", CONTENT)
    registry.faults[BLOB] = fault
    assert refusal(registry) == "digest_mismatch"
    registry.faults.clear()
    assert push(registry)


def test_an_upload_that_is_acknowledged_under_another_digest_is_refused(registry: FakeRegistry) -> None:
    registry.faults[SESSION] = Fault(claimed_digest=Digest.of(b"").text, method="PUT")
    assert refusal(registry) == "digest_mismatch"
