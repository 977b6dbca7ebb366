"""From an index to the manifests in question: everything that could be run, and nothing that pretends."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.descriptor import DOCKER_LIST, DOCKER_MANIFEST, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.domain.platform import Platform
from assay.usecases.index import Listing, list_manifests
from assay.usecases.resolve import resolve
from tests.fakes.buildkit import UNKNOWN, FakeImage, FakeIndex
from tests.fakes.oci import EMPTY, image, index, put_image, rendered, soon
from tests.fakes.registry import FakeRegistry, Fault

CLIENT = RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())
TWO = FakeIndex.of("amd64", "arm64")
AMD, ARM = TWO.images
CHART = "application/vnd.cncf.helm.config.v1+json"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        TWO.put(fake, "app")
        yield fake


def listing(registry: FakeRegistry, *, platform: str = "", limits: Limits | None = None, tag: str = "v1") -> Listing:
    resolved = resolve(CLIENT, registry.reference("app", tag=tag), soon())
    wanted = Platform.parse(platform) if platform else None
    return list_manifests(CLIENT, resolved, soon(), limits or Limits(), platform=wanted)


def platforms(listed: Listing) -> dict[str, Digest]:
    return {item.platform: item.content.digest for item in listed.platforms}


def refusal(registry: FakeRegistry, **options: Any) -> str:
    with pytest.raises(AssayError) as caught:
        listing(registry, **options)
    return caught.value.code


def put(
    registry: FakeRegistry, *entries: Mapping[str, object], media_type: str = OCI_INDEX, **members: object
) -> Digest:
    octets = index(*entries, mediaType=media_type, **members)
    return registry.put_manifest("app", octets, media_type, tag="v1").digest


def test_an_image_is_its_own_only_platform_and_costs_no_request(registry: FakeRegistry) -> None:
    put_image(registry, "app", tag="single")
    resolved = resolve(CLIENT, registry.reference("app", tag="single"), soon())
    registry.requests.clear()
    listed = list_manifests(CLIENT, resolved, soon(), Limits())
    assert (listed.indexes, platforms(listed)) == ((), {"": Digest.of(image())})
    assert registry.paths() == []


def test_every_platform_of_an_index_is_in_question(registry: FakeRegistry) -> None:
    listed = listing(registry)
    assert platforms(listed) == {"linux/amd64": AMD.digest, "linux/arm64": ARM.digest}
    assert [item.digest for item in listed.indexes] == [TWO.digest]
    assert {item.indexes for item in listed.platforms} == {(TWO.digest,)}
    assert [item.content.digest for item in listed.platforms] == sorted([AMD.digest, ARM.digest])


def test_a_manifest_list_of_docker_is_an_index(registry: FakeRegistry) -> None:
    docker = json.dumps(json.loads(AMD.manifest) | {"mediaType": DOCKER_MANIFEST}).encode()
    registry.put_manifest("app", docker, DOCKER_MANIFEST)
    entry = rendered(DOCKER_MANIFEST, docker, platform={"os": "linux", "architecture": "amd64"})
    put(registry, entry, media_type=DOCKER_LIST)
    assert platforms(listing(registry)) == {"linux/amd64": Digest.of(docker)}


def test_a_chosen_platform_is_the_only_one_that_is_fetched(registry: FakeRegistry) -> None:
    assert platforms(listing(registry, platform="linux/arm64")) == {"linux/arm64": ARM.digest}
    assert f"/v2/app/manifests/{AMD.digest}" not in registry.paths()


def test_a_platform_that_is_not_listed_is_named(registry: FakeRegistry) -> None:
    assert refusal(registry, platform="linux/s390x") == "platform_unknown"
    put(registry)
    assert refusal(registry) == "platform_unknown"


def test_two_entries_for_one_platform_are_both_in_question_and_told_apart(registry: FakeRegistry) -> None:
    other = FakeImage.of("amd64", annotations={"os.version": "10"})
    registry.put_manifest("app", other.manifest)
    put(registry, AMD.entry(), other.entry())
    named = {f"linux/amd64 ({digest.hex[:12]})": digest for digest in (AMD.digest, other.digest)}
    assert platforms(listing(registry)) == named
    assert platforms(listing(registry, platform="linux/amd64")) == named


def test_one_manifest_for_two_platforms_is_judged_once(registry: FakeRegistry) -> None:
    put(registry, AMD.entry(), AMD.entry(platform={"os": "linux", "architecture": "amd64", "variant": "v2"}))
    assert platforms(listing(registry)) == {"linux/amd64 or linux/amd64/v2": AMD.digest}


def test_one_manifest_for_many_platforms_keeps_a_short_name(registry: FakeRegistry) -> None:
    variants = [{"os": "linux", "architecture": "arm", "variant": f"v{number}"} for number in range(5, 9)]
    put(registry, *(ARM.entry(platform=variant) for variant in variants))
    assert platforms(listing(registry)) == {"4 platforms": ARM.digest}


def test_an_entry_without_a_platform_is_always_in_question(registry: FakeRegistry) -> None:
    put(registry, rendered(OCI_MANIFEST, AMD.manifest), ARM.entry(platform={}))
    unnamed = {f"unnamed ({item.digest.hex[:12]})": item.digest for item in (AMD, ARM)}
    assert platforms(listing(registry)) == platforms(listing(registry, platform="linux/s390x")) == unnamed


@pytest.mark.parametrize(
    ("entry", "attestations"),
    [
        ({"platform": {"os": "linux", "architecture": "amd64"}}, 0),
        ({"annotations": {"vnd.docker.reference.type": "signature"}}, 0),
        ({"annotations": {}}, 0),
        ({}, 1),
    ],
)
def test_only_buildkits_form_is_taken_for_attestations(
    registry: FakeRegistry, entry: dict[str, object], attestations: int
) -> None:
    notes = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": AMD.digest.text}
    put(registry, AMD.entry(), ARM.entry(**({"platform": UNKNOWN, "annotations": notes} | entry)))
    listed = listing(registry)
    assert (ARM.digest in platforms(listed).values()) is (attestations == 0)
    assert [item.reference for item in listed.attestations] == [AMD.digest] * attestations


def test_what_lies_in_an_index_of_an_index_belongs_to_both(registry: FakeRegistry) -> None:
    inner = registry.put_manifest("app", index(ARM.entry()), OCI_INDEX).digest
    outer = put(registry, AMD.entry(), rendered(OCI_INDEX, index(ARM.entry())))
    listed = listing(registry)
    assert [item.digest for item in listed.indexes] == [outer, inner]
    assert {item.platform: item.indexes for item in listed.platforms} == {
        "linux/amd64": (outer,),
        "linux/arm64": tuple(sorted((outer, inner))),
    }


def test_what_two_indexes_list_is_fetched_once_and_belongs_to_all(registry: FakeRegistry) -> None:
    inner = index(AMD.entry())
    registry.put_manifest("app", inner, OCI_INDEX)
    outer = put(registry, AMD.entry(), rendered(OCI_INDEX, inner), rendered(OCI_INDEX, inner))
    (only,) = listing(registry).platforms
    assert only.indexes == tuple(sorted((outer, Digest.of(inner))))
    assert registry.paths().count(f"/v2/app/manifests/{AMD.digest}") == 1


@pytest.mark.parametrize(("depth", "code"), [(3, ""), (4, "evidence_limit")])
def test_indexes_lie_inside_each_other_three_deep_at_most(registry: FakeRegistry, depth: int, code: str) -> None:
    octets = index(AMD.entry())
    for _ in range(depth - 1):
        registry.put_manifest("app", octets, OCI_INDEX)
        octets = index(rendered(OCI_INDEX, octets))
    registry.put_manifest("app", octets, OCI_INDEX, tag="v1")
    if code:
        assert refusal(registry) == code
    else:
        assert platforms(listing(registry)) == {"linux/amd64": AMD.digest}


def test_the_entries_of_all_indexes_are_counted(registry: FakeRegistry) -> None:
    inner = index(ARM.entry())
    registry.put_manifest("app", inner, OCI_INDEX)
    put(registry, AMD.entry(), rendered(OCI_INDEX, inner))
    assert refusal(registry, limits=Limits(index_entries=2)) == "evidence_limit"
    assert len(listing(registry, limits=Limits(index_entries=3)).platforms) == 2


def test_a_platform_that_the_registry_lacks_is_named(registry: FakeRegistry) -> None:
    del registry.shelf("app").manifests[ARM.digest.text]
    with pytest.raises(InvalidInput, match="linux/arm64") as caught:
        listing(registry)
    assert caught.value.code == "platform_missing"
    assert platforms(listing(registry, platform="linux/amd64")) == {"linux/amd64": AMD.digest}


def test_a_platform_that_cannot_be_asked_for_is_unavailable(registry: FakeRegistry) -> None:
    registry.faults[f"/v2/app/manifests/{ARM.digest}"] = Fault(status=500)
    with pytest.raises(Unavailable) as caught:
        listing(registry)
    assert caught.value.code == "registry_unavailable"


@pytest.mark.parametrize(
    "broken",
    [
        {"size": 1},
        {"mediaType": DOCKER_MANIFEST},
        {"mediaType": OCI_INDEX},
        {"mediaType": "application/vnd.oci.image.layer.v1.tar"},
        {"artifactType": CHART},
        {"platform": {"os": "linux"}},
        {"platform": "linux"},
        {"platform": {"os": "linux", "architecture": "\x1b[2J"}},
    ],
)
def test_an_entry_that_is_not_what_it_says_is_refused(registry: FakeRegistry, broken: dict[str, object]) -> None:
    put(registry, ARM.entry(**broken))
    assert refusal(registry) == "manifest_malformed"
    put(registry, ARM.entry())
    assert platforms(listing(registry)) == {"linux/arm64": ARM.digest}


@pytest.mark.parametrize(
    "members", [{"artifactType": CHART}, {"config": rendered(OCI_EMPTY, EMPTY)}, {"config": rendered(CHART, EMPTY)}]
)
def test_an_artifact_that_pretends_to_be_an_image_is_refused(
    registry: FakeRegistry, members: dict[str, object]
) -> None:
    chart = FakeImage.of("amd64", **members)
    registry.put_manifest("app", chart.manifest)
    put(registry, ARM.entry(), chart.entry())
    assert refusal(registry) == "manifest_malformed"
    assert platforms(listing(registry, platform="linux/arm64")) == {"linux/arm64": ARM.digest}


def test_the_type_of_an_images_configuration_is_no_artifact(registry: FakeRegistry) -> None:
    repeated = "application/vnd.oci.image.config.v1+json"
    put(registry, ARM.entry(artifactType=repeated))
    assert platforms(listing(registry)) == {"linux/arm64": ARM.digest}


def test_a_document_with_layers_and_manifests_is_refused(registry: FakeRegistry) -> None:
    both = index(AMD.entry(), layers=[])
    registry.put_manifest("app", both, OCI_INDEX)
    put(registry, rendered(OCI_INDEX, both))
    assert refusal(registry) == "manifest_malformed"


def test_an_attestation_for_what_is_not_listed_has_no_reference(registry: FakeRegistry) -> None:
    attested = replace(FakeIndex.of("amd64").attested(), images=(ARM,))
    attested.put(registry, "app")
    (attestation,) = listing(registry).attestations
    assert (attestation.reference, attestation.indexes) == (None, (attested.digest,))
