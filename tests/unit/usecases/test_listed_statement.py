"""Statements that an index lists: each has to be about its platform, of its type, intact, and within the room."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.descriptor import OCI_INDEX
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import AttestationClaim, GapKind, SignatureClaim
from assay.domain.limit import Limits
from assay.domain.platform import Platform
from assay.domain.signer import KeySigner
from assay.domain.statement import IMAGE_SIGNATURE, STATEMENT_V1
from assay.usecases.index import list_manifests
from assay.usecases.listed_statement import ListedStatements, read_statements
from assay.usecases.resolve import resolve
from tests.fakes.buildkit import FakeIndex
from tests.fakes.oci import rendered, soon
from tests.fakes.policy import PROVENANCE_TYPE, SPDX_TYPE
from tests.fakes.registry import FakeRegistry, Fault

CLIENT = RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())
PLAIN = FakeIndex.of("amd64")
AMD = PLAIN.images[0].digest
OTHER = Digest.of(b"another image")
KINDS = {GapKind.PROVENANCE, GapKind.SBOM}
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        yield fake


def signature(bound_to: Digest, key: str = "release", item: str = "signature") -> SignatureClaim:
    return SignatureClaim(
        item=Digest.of(item.encode()),
        bound_to=bound_to,
        format="bundle",
        signer=KeySigner(key_id=Digest.of(key.encode())),
        authorities=(key,),
    )


def read(
    registry: FakeRegistry,
    index: FakeIndex,
    *signatures: SignatureClaim,
    room: int = 1_000_000,
    about: Digest = AMD,
    platform: Platform | None = None,
) -> ListedStatements:
    """What is read about a platform of the published index, signed by `release` unless told otherwise."""
    reference = registry.reference("app", digest=index.digest)
    listing = list_manifests(CLIENT, resolve(CLIENT, reference, soon()), soon(), Limits(), platform=platform)
    by = signatures or (signature(index.digest),)
    return read_statements(CLIENT, listing, by, soon(), Limits(), room=room).get(about, ListedStatements())


def published(registry: FakeRegistry, **broken: Edit) -> FakeIndex:
    index = PLAIN.attested(**broken)
    index.put(registry, "app")
    return index


def rejections(read: ListedStatements) -> set[str]:
    return {rejection.code for rejection in read.rejected}


def types(read: ListedStatements) -> set[str]:
    return {claim.predicate_type for claim in read.claims}


def test_who_signed_the_index_is_the_claimant(registry: FakeRegistry) -> None:
    index = published(registry)
    found = read(registry, index)
    assert types(found) == {PROVENANCE_TYPE, SPDX_TYPE}
    (sbom,) = (claim for claim in found.claims if claim.predicate_type == SPDX_TYPE)
    statement = index.attestations[0].statements[SPDX_TYPE]
    assert sbom == AttestationClaim(
        item=Digest.of(statement),
        bound_to=AMD,
        predicate_type=SPDX_TYPE,
        subjects=(AMD,),
        format="buildkit",
        signer=KeySigner(key_id=Digest.of(b"release")),
        authorities=("release",),
        predicate=sbom.predicate,
    )
    assert (found.gaps, found.rejected) == ((), ())


def test_every_signer_is_a_claimant_once(registry: FakeRegistry) -> None:
    index = published(registry)
    twice = (signature(index.digest), signature(index.digest, item="legacy"), signature(index.digest, key="second"))
    found = read(registry, index, *twice)
    assert sorted(claim.authorities for claim in found.claims) == [("release",)] * 2 + [("second",)] * 2


@pytest.mark.parametrize("elsewhere", [AMD, OTHER])
def test_a_signature_of_something_else_than_the_index_leaves_a_gap(registry: FakeRegistry, elsewhere: Digest) -> None:
    index = published(registry)
    found = read(registry, index, signature(elsewhere))
    assert (found.claims, {(gap.kind, gap.code) for gap in found.gaps}) == (
        (),
        {(kind, "attestation_unsigned") for kind in KINDS},
    )
    assert not any("/blobs/" in path for path in registry.paths())
    assert types(read(registry, index)) == {PROVENANCE_TYPE, SPDX_TYPE}


def test_an_unsigned_statement_that_says_no_type_is_a_gap_of_every_kind_and_one_of_another_type_of_none(
    registry: FakeRegistry,
) -> None:
    silent = published(registry, layer=lambda layer: layer.pop("annotations"))
    assert {gap.kind for gap in read(registry, silent, signature(OTHER)).gaps} == KINDS
    vuln = {"in-toto.io/predicate-type": "https://cosign.sigstore.dev/attestation/vuln/v1"}
    other = published(registry, layer=lambda layer: layer.update(annotations=vuln))
    assert read(registry, other, signature(OTHER)) == ListedStatements()


def test_statements_about_a_platform_that_is_not_in_question_are_left_alone(registry: FakeRegistry) -> None:
    index = FakeIndex.of("amd64", "arm64").attested()
    index.put(registry, "app")
    arm = index.images[1].digest
    assert read(registry, index, about=arm, platform=Platform.parse("linux/amd64")) == ListedStatements()
    assert types(read(registry, index, about=arm)) == {PROVENANCE_TYPE, SPDX_TYPE}


def _other_subject(document: dict[str, Any]) -> None:
    document["subject"] = [{"name": "_", "digest": {"sha256": OTHER.hex}}]


def _second_subject(document: dict[str, Any]) -> None:
    document["subject"].insert(0, {"name": "_", "digest": {"sha256": OTHER.hex}})


def _signature_type(document: dict[str, Any]) -> None:
    document["predicateType"] = IMAGE_SIGNATURE


def _signature_layer(layer: dict[str, Any]) -> None:
    layer["annotations"] = {"in-toto.io/predicate-type": IMAGE_SIGNATURE}


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"statement": _other_subject}, "subject_mismatch"),
        ({"statement": lambda document: document.update(subject=[])}, "bundle_malformed"),
        ({"statement": lambda document: document.update(_type="x")}, "predicate_type_mismatch"),
        ({"statement": lambda document: document.update(predicateType="x")}, "predicate_type_mismatch"),
        ({"statement": _signature_type, "layer": _signature_layer}, "predicate_type_mismatch"),
        ({"statement": _signature_type, "layer": lambda layer: layer.pop("annotations")}, "predicate_type_mismatch"),
        ({"layer": lambda layer: layer.update(mediaType="application/json")}, "bundle_unsupported"),
        ({"layer": lambda layer: layer.update(size=layer["size"] + 1)}, "digest_mismatch"),
        ({"layer": lambda layer: layer.update(size=2**40)}, "evidence_limit"),
        ({"layer": lambda layer: layer.update(digest=OTHER.text)}, "manifest_malformed"),
        ({"manifest": lambda manifest: manifest.pop("config")}, "manifest_malformed"),
        ({"entry": lambda entry: entry.update(size=1)}, "manifest_malformed"),
    ],
)
def test_a_broken_statement_is_a_rejection_and_no_claim(
    registry: FakeRegistry, broken: dict[str, Edit], code: str
) -> None:
    found = read(registry, published(registry, **broken), room=2**50)
    assert (found.claims, rejections(found)) == ((), {code})
    assert types(read(registry, published(registry))) == {PROVENANCE_TYPE, SPDX_TYPE}


@pytest.mark.parametrize(
    "harmless",
    [
        {"statement": _second_subject},
        {"statement": lambda document: document.update(_type=STATEMENT_V1)},
        {"statement": lambda document: document["subject"][0].pop("name")},
        {"layer": lambda layer: layer.pop("annotations")},
        {
            "manifest": lambda manifest: manifest.update(
                artifactType="application/vnd.docker.attestation.manifest.v1+json"
            )
        },
    ],
)
def test_other_forms_of_the_same_statement_count(registry: FakeRegistry, harmless: dict[str, Edit]) -> None:
    found = read(registry, published(registry, **harmless))
    assert (types(found), found.rejected) == ({PROVENANCE_TYPE, SPDX_TYPE}, ())


@pytest.mark.parametrize(("subject", "code"), [(AMD, set()), (OTHER, {"subject_mismatch"})])
def test_a_subject_of_the_manifest_has_to_be_the_platform(
    registry: FakeRegistry, subject: Digest, code: set[str]
) -> None:
    def name(manifest: dict[str, Any]) -> None:
        manifest["subject"] = {"mediaType": manifest["mediaType"], "digest": subject.text, "size": 1}

    assert rejections(read(registry, published(registry, manifest=name))) == code


def test_an_index_of_attestations_is_a_rejection(registry: FakeRegistry) -> None:
    def become(entry: dict[str, Any]) -> None:
        entry.update(rendered(OCI_INDEX, PLAIN.octets))

    PLAIN.put(registry, "app", tag="inner")
    assert rejections(read(registry, published(registry, entry=become))) == {"manifest_malformed"}


def test_a_registry_that_may_not_be_asked_is_an_error(registry: FakeRegistry) -> None:
    index = published(registry)
    reference = registry.reference("app", digest=index.digest)
    listing = list_manifests(CLIENT, resolve(CLIENT, reference, soon()), soon(), Limits())
    closed = RegistryClient(access=RegistryAccess(allowed=frozenset({"registry.test"})), limits=Limits())
    with pytest.raises(InvalidInput) as caught:
        read_statements(closed, listing, [], soon(), Limits(), room=0)
    assert caught.value.code == "registry_not_configured"


def test_an_entry_for_what_the_index_does_not_list_is_a_rejection_of_the_index(registry: FakeRegistry) -> None:
    def move(entry: dict[str, Any]) -> None:
        entry["annotations"]["vnd.docker.reference.digest"] = OTHER.text

    index = published(registry, entry=move)
    assert read(registry, index) == ListedStatements()
    assert rejections(read(registry, index, about=index.digest)) == {"subject_mismatch"}


def test_a_manifest_that_is_gone_is_a_rejection_and_one_that_cannot_be_asked_for_a_gap(registry: FakeRegistry) -> None:
    index = published(registry)
    path = f"/v2/app/manifests/{Digest.of(index.attestations[0].manifest)}"
    registry.faults[path] = Fault(status=404)
    assert rejections(read(registry, index)) == {"manifest_malformed"}
    registry.faults[path] = Fault(status=500)
    gaps = {(gap.kind, gap.code) for gap in read(registry, index).gaps}
    assert gaps == {(kind, "registry_unavailable") for kind in KINDS}


def test_a_statement_that_cannot_be_asked_for_is_a_gap_of_its_kind(registry: FakeRegistry) -> None:
    index = published(registry)
    sbom = Digest.of(index.attestations[0].statements[SPDX_TYPE])
    registry.faults[f"/v2/app/blobs/{sbom}"] = Fault(status=500)
    found = read(registry, index)
    assert [(gap.kind, gap.code) for gap in found.gaps] == [(GapKind.SBOM, "registry_unavailable")]
    assert types(found) == {PROVENANCE_TYPE}


def test_statements_share_the_room_that_is_left(registry: FakeRegistry) -> None:
    index = published(registry)
    total = sum(map(len, index.attestations[0].statements.values()))
    assert len(read(registry, index, room=total).claims) == 2
    found = read(registry, index, room=total - 1)
    assert [gap.code for gap in found.gaps] == ["evidence_limit"]
    assert len(found.claims) == 1
