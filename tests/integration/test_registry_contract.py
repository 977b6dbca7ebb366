"""What every registry does for us: fakes, one with the referrers API and one without, each with every way to log in."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.layout import OciLayout
from assay.domain.credential import Credential
from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, SIGSTORE_BUNDLE, SIMPLE_SIGNING, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.formats.manifest import parse_image_manifest
from assay.usecases.attach import append_legacy_layers
from assay.usecases.collect import collect
from assay.usecases.index import list_manifests
from assay.usecases.resolve import resolve
from assay.usecases.target import Place
from tests.fakes.oci import (
    CONFIG,
    EMPTY,
    LayoutFolder,
    bundle_referrer,
    image,
    index,
    legacy_manifest,
    put_bundle,
    put_image,
    refuse_nothing,
    rendered,
    soon,
)
from tests.fixtures.registries import USER
from tests.fixtures.served_registries import REGISTRIES, Served, registries

IMAGE = Digest.of(image())


@dataclass(frozen=True, kw_only=True)
class Side:
    """One registry, a client for it and a repository nobody else uses."""

    served: Served
    client: RegistryClient
    repository: Repository

    def push_image(self, manifest: bytes = image(), tag: str = "v1") -> Digest:
        for blob in (CONFIG, b"layer"):
            self.client.push_blob(self.repository, blob, soon())
        return self.client.push_manifest(self.repository, manifest, OCI_MANIFEST, soon(), tag=tag).digest

    def push_bundle(self, bundle: bytes, subject: bytes = image(), client: RegistryClient | None = None) -> Digest:
        client = client or self.client
        for blob in (EMPTY, bundle):
            client.push_blob(self.repository, blob, soon())
        return client.push_manifest(self.repository, bundle_referrer(subject, bundle), OCI_MANIFEST, soon()).digest

    def referrers(self) -> set[Digest]:
        return {entry.digest for entry in self.client.list_referrers(self.repository, IMAGE, soon())}


@pytest.fixture(scope="module", params=registries())
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with ExitStack() as stack:
        yield REGISTRIES[request.param](stack, tmp_path_factory.mktemp("registry"))


def make_side(served: Served) -> Side:
    repository = Repository(registry=served.host, path=f"demo/{uuid.uuid4().hex}")
    return Side(served=served, client=served.client(), repository=repository)


@pytest.fixture
def side(served: Served) -> Iterator[Side]:
    made = make_side(served)
    yield made
    made.client.close()


def test_what_is_pushed_under_a_tag_is_resolved_by_tag_and_by_digest(side: Side) -> None:
    digest = side.push_image()
    by_tag = side.client.resolve(Reference(repository=side.repository, tag="v1"), soon())
    assert by_tag == side.client.resolve(Reference(repository=side.repository, digest=digest), soon())
    assert (by_tag.octets, by_tag.media_type, by_tag.digest) == (image(), OCI_MANIFEST, IMAGE)


def test_a_tag_and_a_repository_that_do_not_exist_are_absent(side: Side) -> None:
    assert side.client.find_manifest(side.repository, "v1", soon()) is None
    side.push_image()
    assert side.client.find_manifest(side.repository, "v2", soon()) is None
    assert side.client.find_manifest(side.repository, Digest.of(b"x").text, soon()) is None
    with pytest.raises(InvalidInput) as caught:
        side.client.resolve(Reference(repository=side.repository, tag="v2"), soon())
    assert caught.value.code == "manifest_unknown"


def test_a_tag_moves_and_the_digest_stays(side: Side) -> None:
    first = side.push_image()
    second = side.push_image(image(annotations={"a": "b"}))
    assert side.client.resolve(Reference(repository=side.repository, tag="v1"), soon()).digest == second
    assert side.client.resolve(Reference(repository=side.repository, digest=first), soon()).digest == first


def test_blobs_come_back_as_they_were_pushed(side: Side) -> None:
    for content in (b"small", bytes(range(256)) * 4096):
        pushed = side.client.push_blob(side.repository, content, soon())
        assert side.client.push_blob(side.repository, content, soon()) == pushed
        assert side.client.fetch_blob(side.repository, pushed, soon()) == content


def test_a_blob_that_does_not_exist_is_an_error(side: Side) -> None:
    side.push_image()
    missing = Descriptor(media_type="a/b", digest=Digest.of(b"missing"), size=7)
    with pytest.raises(InvalidInput) as caught:
        side.client.fetch_blob(side.repository, missing, soon())
    assert caught.value.code == "manifest_malformed"


def test_an_index_is_pushed_and_found(side: Side) -> None:
    side.push_image()
    several = index(rendered(OCI_MANIFEST, image()))
    side.client.push_manifest(side.repository, several, OCI_INDEX, soon(), tag="all")
    found = side.client.find_manifest(side.repository, "all", soon())
    assert found is not None
    assert (found.media_type, found.octets) == (OCI_INDEX, several)


def test_an_image_without_referrers_has_none(side: Side) -> None:
    assert side.client.list_referrers(side.repository, side.push_image(), soon()) == ()


def test_referrers_are_listed_with_and_without_the_api(side: Side) -> None:
    side.push_image()
    pushed = {side.push_bundle(b"one"), side.push_bundle(b"two")}
    side.push_bundle(b"of another image", subject=image(annotations={"a": "b"}))
    listed = side.client.list_referrers(side.repository, IMAGE, soon())
    assert {entry.digest for entry in listed} == pushed
    assert {entry.artifact_type for entry in listed} == {SIGSTORE_BUNDLE}
    fallback = side.client.find_manifest(side.repository, f"sha256-{IMAGE.hex}", soon())
    assert (fallback is None) is side.served.referrers_api


def test_a_referrer_may_come_before_its_subject_and_twice(side: Side) -> None:
    pushed = [side.push_bundle(b"early"), side.push_bundle(b"early")]
    side.push_image()
    listed = side.client.list_referrers(side.repository, IMAGE, soon())
    assert [entry.digest for entry in listed] == pushed[:1]


def test_evidence_of_every_shape_is_collected(side: Side) -> None:
    side.push_image()
    side.push_bundle(b"bundle")
    side.client.push_blob(side.repository, b"payload", soon())
    signature = legacy_manifest([(b"payload", {"dev.cosignproject.cosign/signature": "c2ln"})])
    side.client.push_manifest(side.repository, signature, OCI_MANIFEST, soon(), tag=f"sha256-{IMAGE.hex}.sig")
    resolved = resolve(side.client, Reference(repository=side.repository, tag="v1"), soon())
    listing = list_manifests(side.client, resolved, soon(), Limits())
    (collected,) = collect(side.client, listing, soon(), Limits(), refuse=refuse_nothing)
    assert sorted(item.content for item in collected.items) == [b"bundle", b"payload"]
    assert (collected.gaps, collected.rejected) == ((), ())
    assert collected.config
    assert collected.config.platform == "linux/amd64"


def test_a_stranger_is_denied_and_so_is_a_wrong_password(side: Side) -> None:
    side.push_image()
    reference = Reference(repository=side.repository, tag="v1")
    for credential in (None, Credential(username=USER, secret="wrong")):
        client = side.served.client(credential)
        if not side.served.login:
            assert client.resolve(reference, soon()).digest == IMAGE
            continue
        with pytest.raises(Unavailable) as caught:
            client.resolve(reference, soon())
        assert caught.value.code == "registry_denied"


def test_a_large_blob_is_pushed_in_pieces(side: Side) -> None:
    content = bytes(range(256)) * 4096 * 2 + b"and a rest"
    pushed = side.client.push_blob(side.repository, content, soon())
    assert side.client.fetch_blob(side.repository, pushed, soon()) == content


def test_a_blob_is_mounted_or_pushed_again(side: Side) -> None:
    other = Repository(registry=side.repository.registry, path=f"{side.repository.path}/other")
    pushed = side.client.push_blob(other, b"a blob to mount", soon())
    side.client.push_blob(side.repository, b"a blob to mount", soon(), mounted_from=other)
    assert side.client.fetch_blob(side.repository, pushed, soon()) == b"a blob to mount"


def test_a_blob_is_copied_to_another_repository(side: Side) -> None:
    content = bytes(range(256)) * 4096
    pushed = side.client.push_blob(side.repository, content, soon())
    other = Repository(registry=side.repository.registry, path=f"{side.repository.path}-copy")
    for _ in range(2):
        side.client.copy_blob(side.repository, pushed, other, soon())
        assert side.client.fetch_blob(other, pushed, soon()) == content


@pytest.mark.parametrize("start", [0, 5])
def test_a_blob_is_streamed_from_a_position_or_from_its_beginning(side: Side, start: int) -> None:
    content = bytes(range(256)) * 4096
    pushed = side.client.push_blob(side.repository, content, soon())
    opened = side.client._reader.open_blob(side.repository, pushed, soon(), start=start)
    assert opened.start in {0, start}
    assert b"".join(opened.pieces) == content[opened.start :]


def test_layers_that_several_people_append_under_a_legacy_tag_stay_together(side: Side) -> None:
    layers = [
        replace(side.client.push_blob(side.repository, octets, soon()), media_type=SIMPLE_SIGNING)
        for octets in (b"one", b"two")
    ]
    place = Place(repository=side.repository, deadline=soon(), limits=Limits())
    for layer in (*layers, layers[0]):
        other = replace(side, client=side.served.client())
        held = append_legacy_layers(other.client, place, "legacy", [layer])
    found = side.client.find_manifest(side.repository, "legacy", soon())
    assert found == held
    assert parse_image_manifest(held, what="it", limits=Limits()).layers == tuple(layers)


def test_tags_are_listed(side: Side) -> None:
    assert side.client.list_tags(side.repository, soon()) == ()
    side.push_image()
    side.push_image(tag="v2")
    assert side.client.list_tags(side.repository, soon()) == ("v1", "v2")


def test_referrers_are_filtered_by_type(side: Side) -> None:
    side.push_image()
    wanted = side.push_bundle(b"one")
    other = bundle_referrer(image(), b"one", artifactType="application/x+y")
    side.client.push_manifest(side.repository, other, OCI_MANIFEST, soon())
    for kind, digest in ((SIGSTORE_BUNDLE, wanted), ("application/x+y", Digest.of(other))):
        listed = side.client.list_referrers(side.repository, IMAGE, soon(), artifact_type=kind)
        assert [entry.digest for entry in listed] == [digest]


def test_a_layout_answers_like_a_registry(side: Side, tmp_path: Path) -> None:
    side.push_image()
    side.push_bundle(b"bundle")
    folder = LayoutFolder(folder=tmp_path / "layout")
    put_image(folder, "")
    put_bundle(folder, "", image(), b"bundle")
    layout = OciLayout.open(tmp_path, "layout", limits=Limits())
    for reference in (
        Reference(repository=side.repository, tag="v1"),
        Reference(repository=side.repository, digest=IMAGE),
    ):
        assert layout.resolve(reference, soon()) == side.client.resolve(reference, soon())
    for entry in layout.list_referrers(side.repository, IMAGE, soon()):
        name = entry.digest.text
        assert layout.find_manifest(side.repository, name, soon()) == side.client.find_manifest(
            side.repository, name, soon()
        )
    assert {entry.digest for entry in layout.list_referrers(side.repository, IMAGE, soon())} == side.referrers()
    assert layout.find_manifest(side.repository, "absent", soon()) is None
