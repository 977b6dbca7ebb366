import json
from dataclasses import replace

import pytest

from assay.domain.decision import Verdict
from assay.domain.descriptor import OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.gate import Candidate
from assay.domain.statement import IMAGE_SIGNATURE
from assay.formats.provenance import parse_provenance
from assay_builder.pipeline import Publication, ask_gate, build, publish_allowed
from assay_builder.result import describe_attested, describe_published, evidence_documents
from assay_builder.stages.attest import Attested
from tests.fakes.build import LIBRARY, FakeBuildWorld
from tests.fakes.publication import REPOSITORY, FakeGate, RecordingRegistry


def publication(gate: FakeGate, registry: RecordingRegistry) -> Publication:
    return Publication(gate=gate, registry=registry, repository=REPOSITORY, tags=("1.0.0", "latest"), seconds=5)


@pytest.fixture
def world() -> FakeBuildWorld:
    return FakeBuildWorld()


@pytest.fixture
def attested(world: FakeBuildWorld) -> Attested:
    return build(world.plan, world.parts())


def test_a_build_fetches_what_is_missing_and_reports_each_step(world: FakeBuildWorld) -> None:
    build(world.plan, world.parts())
    build(world.plan, world.parts())
    assert sorted(world.proxy.asked) == sorted(item.path for item in world.lock.inputs)
    titles = [title for title, _ in world.steps]
    assert titles[:5] == ["sandbox", "fetched", "fetched", "fetched", "fetched"]
    assert titles[5:] == ["ingest", "isolate", "image", "attest", "sandbox", "ingest", "isolate", "image", "attest"]


def test_an_input_that_changed_is_refused(world: FakeBuildWorld) -> None:
    plan = world.plan
    world.proxy.files[LIBRARY.mod_path] = b"module EVIL.net/library!!\n\n"[: len(world.library_file)]
    with pytest.raises(InvalidInput) as caught:
        build(plan, world.parts())
    assert caught.value.code == "input_digest_mismatch"
    assert str(LIBRARY) in caught.value.message


def test_the_same_plan_gives_the_same_image(world: FakeBuildWorld, attested: Attested) -> None:
    again = build(FakeBuildWorld().plan, FakeBuildWorld().parts())
    assert again.isolated.image.digest == attested.isolated.image.digest
    assert attested.isolated.compiled == 3


def test_the_go_command_gets_exactly_the_locked_files(world: FakeBuildWorld, attested: Attested) -> None:
    assert sorted(world.workshop.offered) == [LIBRARY.mod_path, LIBRARY.zip_path]
    assert [arguments[0] for arguments in world.workshop.ran] == ["list", "build", "version"]


def test_everything_said_about_the_image_is_signed(attested: Attested) -> None:
    types = [item.predicate_type for item in attested.bundles]
    assert types == [
        IMAGE_SIGNATURE,
        "https://spdx.dev/Document",
        "https://cyclonedx.org/bom",
        "https://slsa.dev/provenance/v1",
    ]
    for item in attested.bundles:
        referrer = json.loads(item.referrer)
        assert referrer["subject"]["digest"] == str(attested.isolated.image.digest)
        assert Digest.of(item.bundle) == Digest(referrer["layers"][0]["digest"])


def test_the_provenance_lists_every_input(world: FakeBuildWorld, attested: Attested) -> None:
    document = json.loads(dict(attested.documents)["provenance.json"])
    provenance = parse_provenance(document, most_materials=100)
    assert {dict(item.digests)["sha256"] for item in provenance.materials} == {
        item.digest.hex for item in world.lock.inputs
    }
    assert provenance.source is not None
    assert provenance.source.uri == "pkg:golang/example.org/demo@v1.0.0"
    assert provenance.builder_id == "https://builder.example/v1"
    byproducts = {item["name"]: item["digest"]["sha256"] for item in document["runDetails"]["byproducts"]}
    assert byproducts == {
        name: Digest.of(octets).hex for name, octets in attested.documents if name != "provenance.json"
    }


def test_an_allowed_image_is_published_tag_last(world: FakeBuildWorld, attested: Attested) -> None:
    gate, registry = FakeGate(Verdict.ALLOW), RecordingRegistry()
    target = publication(gate, registry)
    gated = ask_gate(attested, target, world.parts())
    published = publish_allowed(gated, target, world.parts())
    assert registry.pushed[-2:] == ["tag 1.0.0", "tag latest"]
    assert registry.pushed[:3] == ["blob", "blob", "manifest"]
    assert str(published.references[0]) == f"registry.example/demo:1.0.0@{attested.isolated.image.digest}"
    assert describe_published(gated, published)["pushed"] == [str(item) for item in published.references]
    assert isinstance(gate.questions[0].evidence, Candidate)
    assert gate.questions[0].evidence.bundles == tuple(item.bundle for item in attested.bundles)


@pytest.mark.parametrize("verdict", [Verdict.DENY, Verdict.INDETERMINATE])
def test_nothing_leaves_without_an_allow(world: FakeBuildWorld, attested: Attested, verdict: Verdict) -> None:
    registry = RecordingRegistry()
    target = publication(FakeGate(verdict), registry)
    gated = ask_gate(attested, target, world.parts())
    with pytest.raises(InvalidInput) as caught:
        publish_allowed(gated, target, world.parts())
    assert (caught.value.code, registry.pushed) == ("gate_denied", [])
    assert describe_published(gated, None)["pushed"] == []


@pytest.mark.parametrize(
    "gate",
    [
        FakeGate(Verdict.ALLOW, digest=Digest.of(b"another image")),
        FakeGate(Verdict.ALLOW, repository=replace(REPOSITORY, path="other")),
    ],
)
def test_an_answer_about_something_else_is_refused(world: FakeBuildWorld, attested: Attested, gate: FakeGate) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask_gate(attested, publication(gate, RecordingRegistry()), world.parts())
    assert caught.value.code == "gate_answer_mismatch"


def test_a_publication_without_a_tag_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="without a tag"):
        replace(publication(FakeGate(Verdict.ALLOW), RecordingRegistry()), tags=())


def test_the_result_names_components_and_documents(attested: Attested) -> None:
    assert describe_attested(attested)["components"] == [
        "example.net/library v0.1.0 (Demo-1.0)",
        "example.org/demo v1.0.0 (Demo-1.0)",
        "stdlib 1.26.11 (Demo-1.0)",
    ]
    names = [name for name, _ in evidence_documents(attested)]
    assert len(set(names)) == len(names) == 9
    assert OCI_MANIFEST in json.loads(attested.isolated.image.manifest.octets)["mediaType"]


def test_an_unrecognised_licence_is_no_label(world: FakeBuildWorld) -> None:
    attested = build(world.plan, replace(world.parts(), texts=replace(world.parts().texts, pairs=())))
    assert "org.opencontainers.image.licenses" not in attested.isolated.image.config.octets.decode()
    assert any("licence of stdlib" in gap for gap in attested.graph.gaps)
    assert "not established" in world.steps[-1][1]
