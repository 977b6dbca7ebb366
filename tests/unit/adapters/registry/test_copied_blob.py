"""Copying blobs between repositories: mounted, found, or carried over without being held."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.descriptor import Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from tests.fakes.oci import soon
from tests.fakes.registry import FakeRegistry, Fault, SeenRequest

CONTENT = b"0123456789" * 3
BLOB = f"/v2/app/blobs/{Digest.of(CONTENT)}"
MIB = 2**20
LARGE = bytes(5 * MIB)
LARGE_BLOB = f"/v2/app/blobs/{Digest.of(LARGE)}"
SESSION = "/v2/copy/blobs/uploads/1"


@dataclass(frozen=True, kw_only=True)
class Sides:
    """A registry that has the blob, and one that is to have it."""

    source: FakeRegistry
    target: FakeRegistry

    def copy(
        self, *, content: bytes = CONTENT, pieces: int = 8, within: bool = False, limits: Limits | None = None
    ) -> bytes | None:
        """What the target, or with `within` the source, has under the digest afterwards."""
        access = RegistryAccess(plain_http_on_loopback=True)
        client = RegistryClient(access=access, limits=limits or Limits(), piece_octets=pieces)
        descriptor = Descriptor(media_type="a/b", digest=Digest.of(content), size=len(content))
        target = self.source if within else self.target
        try:
            client.copy_blob(self.source.repository("app"), descriptor, target.repository("copy"), soon())
        finally:
            client.close()
        return target.shelf("copy").blobs.get(descriptor.digest.text)


@pytest.fixture
def sides() -> Iterator[Sides]:
    with FakeRegistry.start() as source, FakeRegistry.start() as target:
        source.put_blob("app", CONTENT)
        yield Sides(source=source, target=target)


@pytest.mark.parametrize("pieces", [8, 1024])
def test_a_blob_arrives_with_one_request_to_its_source(sides: Sides, pieces: int) -> None:
    assert sides.copy(pieces=pieces) == CONTENT
    assert sides.source.paths() == [BLOB]


def test_a_blob_that_is_there_is_not_fetched(sides: Sides) -> None:
    sides.target.put_blob("copy", CONTENT)
    assert sides.copy() == CONTENT
    assert sides.source.requests == []


def test_within_a_registry_a_blob_is_mounted_and_not_fetched(sides: Sides) -> None:
    assert sides.copy(within=True) == CONTENT
    assert [request.method for request in sides.source.requests] == ["POST"]
    sides.source.shelf("copy").blobs.clear()
    sides.source.mounts = False
    assert sides.copy(within=True) == CONTENT


@pytest.mark.parametrize("truncate", [0, 13, 29])
def test_a_source_that_hangs_up_is_asked_for_the_rest(sides: Sides, truncate: int) -> None:
    sides.source.faults[BLOB] = Fault(truncate=truncate, times=1)
    assert sides.copy() == CONTENT
    assert len(sides.source.paths()) == 2


@pytest.mark.parametrize("kept", [0, 5, 8])
def test_a_target_that_hangs_up_gets_the_rest(sides: Sides, kept: int) -> None:
    sides.target.faults[SESSION] = Fault(kept=kept, times=1, method="PATCH")
    assert sides.copy() == CONTENT


@pytest.mark.parametrize("fault", [Fault(octets=b"x" * len(CONTENT)), Fault(octets=CONTENT[:-1]), Fault(repeat=2)])
@pytest.mark.parametrize("pieces", [8, 1024])
def test_other_bytes_than_the_descriptor_names_make_no_blob(sides: Sides, fault: Fault, pieces: int) -> None:
    sides.source.faults[BLOB] = fault
    with pytest.raises(InvalidInput) as caught:
        sides.copy(pieces=pieces)
    assert caught.value.code == "digest_mismatch"
    assert sides.target.shelf("copy").blobs == {}
    assert [request.method for request in sides.target.requests if request.query.startswith("digest=")] == []
    sides.source.faults.clear()
    assert sides.copy(pieces=pieces) == CONTENT


@pytest.mark.parametrize("ranges", [True, False])
def test_a_large_blob_is_asked_for_from_where_its_digest_is_known(sides: Sides, *, ranges: bool) -> None:
    sides.source.put_blob("app", LARGE)
    sides.source.ranges = ranges
    sides.source.faults[LARGE_BLOB] = Fault(truncate=len(LARGE) - 10, times=1)
    assert sides.copy(content=LARGE, pieces=MIB) == LARGE
    asked = [request.headers.get("range", "") for request in sides.source.requests]
    assert asked == ["", f"bytes={4 * MIB}-"]


def test_another_part_than_was_asked_for_is_refused(sides: Sides) -> None:
    sides.source.put_blob("app", LARGE)
    sides.source.faults[LARGE_BLOB] = Fault(truncate=len(LARGE) - 10, times=1)

    def send_another_part(seen: SeenRequest) -> None:
        if "range" in seen.headers:
            sides.source.faults[LARGE_BLOB] = Fault(headers=(("Content-Range", f"bytes 1-{MIB}/{len(LARGE)}"),))

    sides.source.on_request = send_another_part
    with pytest.raises(InvalidInput) as caught:
        sides.copy(content=LARGE, pieces=MIB)
    assert caught.value.code == "digest_mismatch"


def test_a_blob_that_is_missing_or_too_large_is_reported(sides: Sides) -> None:
    for limits, code in ((Limits(blob_octets=29), "evidence_limit"), (Limits(), "manifest_malformed")):
        sides.source.shelf("app").blobs.clear()
        with pytest.raises(InvalidInput) as caught:
            sides.copy(limits=limits)
        assert caught.value.code == code
    sides.source.put_blob("app", CONTENT)
    assert sides.copy(limits=Limits(blob_octets=30)) == CONTENT


def test_a_source_that_never_finishes_is_given_up(sides: Sides) -> None:
    sides.source.faults[BLOB] = Fault(truncate=3)
    with pytest.raises(Unavailable) as caught:
        sides.copy()
    assert caught.value.code == "registry_unavailable"
