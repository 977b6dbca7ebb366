"""Attacks by a registry, each named after its advisory: other bytes, endless lists, excess, redirects inwards."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.descriptor import OCI_MANIFEST, SIMPLE_SIGNING
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.usecases.collect import Collected, collect
from assay.usecases.index import list_manifests
from assay.usecases.resolve import Resolved, resolve
from tests.fakes.oci import image, put_bundle, put_image, put_legacy, refuse_nothing, soon
from tests.fakes.registry import FakeRegistry, Fault

IMAGE = Digest.of(image())
OTHER = image(annotations={"evil": "yes"})
MANIFEST_PATH = f"/v2/app/manifests/{IMAGE}"
REFERRERS_PATH = f"/v2/app/referrers/{IMAGE}"
SIG_TAG = f"sha256-{IMAGE.hex}.sig"
CLIENT = RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())
BUNDLE = b"bundle"
BLOB_PATH = f"/v2/app/blobs/{Digest.of(BUNDLE)}"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        put_image(fake, "app")
        yield fake


def gather(registry: FakeRegistry, *, limits: Limits | None = None) -> Collected:
    limits = limits or Limits()
    return beside(resolve(CLIENT, registry.reference("app", digest=IMAGE), soon()), limits)


def beside(resolved: Resolved, limits: Limits) -> Collected:
    listing = list_manifests(CLIENT, resolved, soon(), limits)
    (collected,) = collect(CLIENT, listing, soon(), limits, refuse=refuse_nothing)
    return collected


def codes(collected: Collected) -> set[str]:
    return {gap.code for gap in collected.gaps} | {rejection.code for rejection in collected.rejected}


def refusal(registry: FakeRegistry, *, digest: Digest | None = IMAGE, tag: str = "") -> str:
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        CLIENT.resolve(registry.reference("app", digest=digest, tag=tag), soon())
    return caught.value.code


@pytest.mark.parametrize("claimed", ["", IMAGE.text, Digest.of(OTHER).text])
def test_cve_2022_47633_other_bytes_than_asked_for_are_refused_whatever_digest_they_claim(
    registry: FakeRegistry, claimed: str
) -> None:
    registry.faults[MANIFEST_PATH] = Fault(octets=OTHER, claimed_digest=claimed)
    assert refusal(registry) == "digest_mismatch"
    registry.faults.clear()
    assert CLIENT.resolve(registry.reference("app", digest=IMAGE), soon()).octets == image()


def test_cve_2022_47633_the_digest_of_a_tag_is_that_of_its_bytes(registry: FakeRegistry) -> None:
    registry.faults["/v2/app/manifests/v1"] = Fault(claimed_digest=Digest.of(OTHER).text, times=1)
    assert refusal(registry, digest=None, tag="v1") == "digest_mismatch"
    registry.put_manifest("app", OTHER, OCI_MANIFEST, tag="v1")
    assert CLIENT.resolve(registry.reference("app", tag="v1"), soon()).digest == Digest.of(OTHER)


def test_cve_2023_47630_a_tag_that_moves_between_calls_does_not_change_what_is_judged(registry: FakeRegistry) -> None:
    resolved = resolve(CLIENT, registry.reference("app", tag="v1"), soon())
    put_bundle(registry, "app", image(), BUNDLE)
    registry.put_manifest("app", OTHER, OCI_MANIFEST, tag="v1")
    collected = beside(resolved, Limits())
    assert [item.content for item in collected.items] == [BUNDLE]
    assert "/v2/app/manifests/v1" not in registry.paths()[1:]


@pytest.mark.parametrize("suffix", [".sig", ".att"])
def test_cve_2023_46737_ten_thousand_layers_reach_the_limit(registry: FakeRegistry, suffix: str) -> None:
    tag = f"sha256-{IMAGE.hex}{suffix}"
    layers = [(b"payload", {"n": "x"})] * 10_000
    put_legacy(registry, "app", tag, layers, SIMPLE_SIGNING)
    requests = len(registry.requests)
    assert "evidence_limit" in codes(gather(registry))
    assert len(registry.requests) - requests < 20
    put_legacy(registry, "app", tag, layers[:1], SIMPLE_SIGNING)
    assert "evidence_limit" not in codes(gather(registry))


def test_cve_2024_29902_more_referrers_than_the_limit_are_a_gap(registry: FakeRegistry) -> None:
    for number in range(4):
        put_bundle(registry, "app", image(), b"bundle %d" % number)
    client = RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits(referrers=3))
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        client.list_referrers(registry.repository("app"), IMAGE, soon())
    client.close()
    assert caught.value.code == "evidence_limit"
    assert codes(gather(registry)) == set()


def test_cve_2023_33957_endless_pages_of_referrers_end(registry: FakeRegistry) -> None:
    registry.faults[REFERRERS_PATH] = Fault(endless_pages=True)
    assert "evidence_limit" in codes(gather(registry))
    assert len(registry.paths()) < 40


@pytest.mark.parametrize("size", [0, 1, 2**30, 2**62])
def test_cve_2024_29903_a_layer_whose_size_lies_is_not_read_beyond_it(registry: FakeRegistry, size: int) -> None:
    put_bundle(registry, "app", image(), BUNDLE)
    (referrer,) = CLIENT.list_referrers(registry.repository("app"), IMAGE, soon())
    descriptor = replace(referrer, digest=Digest.of(BUNDLE), size=size)
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        CLIENT.fetch_blob(registry.repository("app"), descriptor, soon())
    assert caught.value.code in {"digest_mismatch", "evidence_limit"}
    whole = replace(descriptor, size=len(BUNDLE))
    assert CLIENT.fetch_blob(registry.repository("app"), whole, soon()) == BUNDLE


def test_cve_2024_45395_a_gigabyte_where_six_bytes_were_announced_is_not_read(registry: FakeRegistry) -> None:
    put_bundle(registry, "app", image(), BUNDLE)
    registry.faults[BLOB_PATH] = Fault(octets=b"\x00" * 50_000_000)
    started = time.process_time()
    assert codes(gather(registry)) == {"digest_mismatch"}
    assert time.process_time() - started < 2


def test_cve_2023_25656_a_compressed_answer_is_refused_before_it_grows(registry: FakeRegistry) -> None:
    put_bundle(registry, "app", image(), BUNDLE)
    registry.faults[BLOB_PATH] = Fault(coding=True)
    assert codes(gather(registry)) == {"registry_unavailable"}
    registry.faults.clear()
    assert codes(gather(registry)) == set()


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://10.96.0.1/api/v1/secrets",
        "http://127.0.0.1:1/",
        "http://0.0.0.0:1/",
    ],
)
def test_cve_2026_22039_a_redirect_to_an_address_inside_is_refused(registry: FakeRegistry, location: str) -> None:
    put_bundle(registry, "app", image(), BUNDLE)
    registry.faults[BLOB_PATH] = Fault(status=307, location=location)
    assert codes(gather(registry)) <= {"registry_unavailable", "registry_denied"}
    assert codes(gather(registry))
    registry.faults.clear()
    assert codes(gather(registry)) == set()
