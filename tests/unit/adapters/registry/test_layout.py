import os
from pathlib import Path

import pytest

from assay.adapters.registry.layout import OciLayout
from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, SIGSTORE_BUNDLE, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from tests.fakes.oci import LayoutFolder, bundle_referrer, image, index, put_bundle, put_image, rendered, soon

ASSETS = Path(__file__).parents[3] / "assets" / "cosign-v3-layouts"
IMAGE = Digest.of(image())
REPOSITORY = Repository(registry="registry.test", path="app")
BLOB = Descriptor(media_type="a/b", digest=Digest.of(b"layer"), size=5)


@pytest.fixture
def folder(tmp_path: Path) -> LayoutFolder:
    folder = LayoutFolder(folder=tmp_path / "root" / "built" / "app")
    put_image(folder, "app")
    return folder


def open_layout(folder: LayoutFolder, relative: str = "built/app", limits: Limits | None = None) -> OciLayout:
    return OciLayout.open(folder.folder.parent.parent, relative, limits=limits or Limits())


def open_code(folder: LayoutFolder, relative: str = "built/app", limits: Limits | None = None) -> str:
    with pytest.raises(InvalidInput) as caught:
        open_layout(folder, relative, limits)
    return caught.value.code


def find_code(layout: OciLayout, target: str = "v1") -> str:
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        layout.find_manifest(REPOSITORY, target, soon())
    return caught.value.code


def blob_code(layout: OciLayout, descriptor: Descriptor = BLOB) -> str:
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        layout.fetch_blob(REPOSITORY, descriptor, soon())
    return caught.value.code


def test_a_tag_and_a_digest_resolve_to_the_same_manifest(folder: LayoutFolder) -> None:
    layout = open_layout(folder)
    by_tag = layout.resolve(Reference(repository=REPOSITORY, tag="v1"), soon())
    assert by_tag == layout.resolve(Reference(repository=REPOSITORY, tag="gone", digest=IMAGE), soon())
    assert (by_tag.digest, by_tag.media_type) == (IMAGE, OCI_MANIFEST)
    assert layout.fetch_blob(REPOSITORY, BLOB, soon()) == b"layer"


def test_what_the_layout_does_not_have_is_absent(folder: LayoutFolder) -> None:
    layout = open_layout(folder)
    assert layout.find_manifest(REPOSITORY, "v2", soon()) is None
    assert layout.find_manifest(REPOSITORY, Digest.of(b"x").text, soon()) is None
    with pytest.raises(InvalidInput) as caught:
        layout.resolve(Reference(repository=REPOSITORY, tag="v2"), soon())
    assert caught.value.code == "manifest_unknown"


@pytest.mark.parametrize(
    "relative",
    ["", ".", "/", "/etc", "..", "built/..", "built/../built/app", "built//app", "./built", "a\0b", "\ud800"],
)
def test_a_path_that_is_not_plainly_below_the_root_is_refused(folder: LayoutFolder, relative: str) -> None:
    assert open_code(folder, relative) == "layout_refused"
    assert open_layout(folder)


@pytest.mark.parametrize("link", ["built", "built/app", "built/app/index.json", "built/app/oci-layout"])
def test_no_symbolic_link_is_followed_on_the_way_in(folder: LayoutFolder, tmp_path: Path, link: str) -> None:
    target = tmp_path / "root" / link
    target.rename(tmp_path / "elsewhere")
    target.symlink_to(tmp_path / "elsewhere")
    assert open_code(folder) == "layout_refused"
    target.unlink()
    (tmp_path / "elsewhere").rename(target)
    assert open_layout(folder)


@pytest.mark.parametrize("link", ["blobs", "blobs/sha256", f"blobs/sha256/{BLOB.digest.hex}"])
def test_no_symbolic_link_is_followed_to_a_blob(folder: LayoutFolder, tmp_path: Path, link: str) -> None:
    layout = open_layout(folder)
    target = folder.folder / link
    target.rename(tmp_path / "elsewhere")
    target.symlink_to(tmp_path / "elsewhere")
    assert blob_code(layout) == "layout_refused"
    target.unlink()
    (tmp_path / "elsewhere").rename(target)
    assert layout.fetch_blob(REPOSITORY, BLOB, soon()) == b"layer"


def test_something_that_is_no_file_is_refused(folder: LayoutFolder) -> None:
    layout = open_layout(folder)
    path = folder.blob_path(BLOB.digest)
    path.unlink()
    os.mkfifo(path)
    assert blob_code(layout) == "layout_refused"
    path.unlink()
    path.mkdir()
    assert blob_code(layout) == "layout_refused"


def test_a_folder_that_does_not_exist_is_unknown(folder: LayoutFolder) -> None:
    assert open_code(folder, "built/other") == "layout_unknown"
    assert open_code(folder, "x" * 300) == "layout_refused"


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("oci-layout", None),
        ("index.json", None),
        ("oci-layout", b"{}"),
        ("oci-layout", b"[]"),
        ("oci-layout", b'{"imageLayoutVersion": "2.0.0"}'),
        ("oci-layout", b"x"),
        ("oci-layout", b" " * 2000),
        ("index.json", b"{}"),
        ("index.json", image()),
    ],
)
def test_a_folder_that_is_no_layout_is_malformed(folder: LayoutFolder, name: str, octets: bytes | None) -> None:
    path = folder.folder / name
    kept = path.read_bytes()
    path.unlink()
    if octets is not None:
        path.write_bytes(octets)
    assert open_code(folder) == "layout_malformed"
    path.write_bytes(kept)
    assert open_layout(folder)


def test_an_index_above_the_limit_is_malformed(folder: LayoutFolder) -> None:
    length = len((folder.folder / "index.json").read_bytes())
    assert open_code(folder, limits=Limits(manifest_octets=length - 1)) == "layout_malformed"
    assert open_layout(folder, limits=Limits(manifest_octets=length))


def test_other_bytes_under_a_digest_are_a_digest_mismatch(folder: LayoutFolder) -> None:
    layout = open_layout(folder)
    folder.blob_path(IMAGE).write_bytes(image(annotations={"a": "b"}))
    assert find_code(layout) == "digest_mismatch"
    assert find_code(layout, IMAGE.text) == "digest_mismatch"
    folder.blob_path(IMAGE).write_bytes(image())
    assert layout.find_manifest(REPOSITORY, "v1", soon())


@pytest.mark.parametrize("octets", [b"", b"laye", b"layes", b"layers"])
def test_a_blob_of_other_bytes_or_size_is_a_digest_mismatch(folder: LayoutFolder, octets: bytes) -> None:
    folder.blob_path(BLOB.digest).write_bytes(octets)
    assert blob_code(open_layout(folder)) == "digest_mismatch"


def test_a_descriptor_with_another_size_is_a_digest_mismatch(folder: LayoutFolder) -> None:
    for size in (4, 6):
        descriptor = Descriptor(media_type="a/b", digest=BLOB.digest, size=size)
        assert blob_code(open_layout(folder), descriptor) == "digest_mismatch"


def test_a_blob_that_is_not_there_is_malformed(folder: LayoutFolder) -> None:
    folder.blob_path(BLOB.digest).unlink()
    assert blob_code(open_layout(folder)) == "manifest_malformed"


def test_blobs_and_manifests_above_the_limit_are_refused(folder: LayoutFolder) -> None:
    assert blob_code(open_layout(folder, limits=Limits(blob_octets=4))) == "evidence_limit"
    padded = image(annotations={"a": "b" * 1000})
    folder.put_manifest("app", padded, tag="large")
    layout = open_layout(folder, limits=Limits(manifest_octets=len(padded) - 1))
    assert find_code(layout, "large") == "evidence_limit"
    assert layout.find_manifest(REPOSITORY, "v1", soon())


def test_a_tag_that_names_two_manifests_is_malformed(folder: LayoutFolder) -> None:
    folder.put_manifest("app", image(), tag="v1")
    assert open_layout(folder).find_manifest(REPOSITORY, "v1", soon())
    folder.put_manifest("app", image(annotations={"a": "b"}), tag="v1")
    assert find_code(open_layout(folder)) == "layout_malformed"


def test_the_type_in_the_index_has_to_agree_with_the_document(folder: LayoutFolder) -> None:
    folder.put_manifest("app", image(annotations={"a": "b"}), OCI_INDEX, tag="odd")
    assert find_code(open_layout(folder), "odd") == "manifest_malformed"


def test_referrers_are_found_by_their_subject(folder: LayoutFolder) -> None:
    named = put_bundle(folder, "app", image(), b"one")
    unnamed = bundle_referrer(image(), b"two")
    folder.put_blob("app", unnamed)
    put_bundle(folder, "app", image(annotations={"a": "b"}), b"of another image")
    listed = open_layout(folder).list_referrers(REPOSITORY, IMAGE, soon())
    assert [entry.digest for entry in listed] == sorted([named, Digest.of(unnamed)])
    assert {entry.artifact_type for entry in listed} == {SIGSTORE_BUNDLE}


@pytest.mark.parametrize(("case", "referrers", "tags"), [("key-three", 3, ()), ("key-legacy", 0, (".sig", ".att"))])
def test_layouts_of_real_signers_are_read(case: str, referrers: int, tags: tuple[str, ...]) -> None:
    layout = OciLayout.open(ASSETS, case, limits=Limits())
    signed = layout.resolve(Reference(repository=REPOSITORY, tag="v1"), soon()).digest
    listed = layout.list_referrers(REPOSITORY, signed, soon())
    assert [entry.artifact_type for entry in listed] == [SIGSTORE_BUNDLE] * referrers
    for tag in tags:
        assert layout.find_manifest(REPOSITORY, f"sha256-{signed.hex}{tag}", soon())


def test_an_index_may_be_a_referrer_too(folder: LayoutFolder) -> None:
    octets = index(subject=rendered(OCI_MANIFEST, image()), artifactType="application/x")
    folder.put_manifest("app", octets, OCI_INDEX)
    listed = open_layout(folder).list_referrers(REPOSITORY, IMAGE, soon())
    assert [(entry.digest, entry.artifact_type) for entry in listed] == [(Digest.of(octets), "application/x")]


def test_a_damaged_manifest_of_the_index_is_listed_and_then_refused(folder: LayoutFolder) -> None:
    damaged = put_bundle(folder, "app", image(), b"one")
    folder.blob_path(damaged).write_bytes(b"{}")
    layout = open_layout(folder)
    listed = layout.list_referrers(REPOSITORY, IMAGE, soon())
    assert [entry.digest for entry in listed] == [damaged]
    assert find_code(layout, damaged.text) == "digest_mismatch"


def test_blobs_that_are_no_manifests_are_no_referrers(folder: LayoutFolder) -> None:
    folder.put_blob("app", b'{"subject": ')
    folder.put_blob("app", b'"subject"' * 1000)
    (folder.folder / "blobs" / "sha256" / "README").write_text('"subject"')
    layout = open_layout(folder, limits=Limits(manifest_octets=2000))
    assert layout.list_referrers(REPOSITORY, IMAGE, soon()) == []


def test_too_many_referrers_are_refused(folder: LayoutFolder) -> None:
    for number in range(3):
        folder.put_blob("app", bundle_referrer(image(), b"%d" % number))
    with pytest.raises(InvalidInput) as caught:
        open_layout(folder, limits=Limits(referrers=2)).list_referrers(REPOSITORY, IMAGE, soon())
    assert caught.value.code == "evidence_limit"
    assert len(open_layout(folder, limits=Limits(referrers=3)).list_referrers(REPOSITORY, IMAGE, soon())) == 3


def test_too_many_blobs_are_refused(folder: LayoutFolder) -> None:
    limits = Limits(referrers=1)
    for number in range(7):
        (folder.folder / "blobs" / "sha256" / f"{number}").touch()
    assert open_layout(folder, limits=limits).list_referrers(REPOSITORY, IMAGE, soon()) == []
    (folder.folder / "blobs" / "sha256" / "one more").touch()
    with pytest.raises(InvalidInput) as caught:
        open_layout(folder, limits=limits).list_referrers(REPOSITORY, IMAGE, soon())
    assert caught.value.code == "evidence_limit"


def test_a_layout_without_blobs_has_no_referrers(folder: LayoutFolder, tmp_path: Path) -> None:
    layout = open_layout(folder)
    (folder.folder / "blobs").rename(tmp_path / "gone")
    assert layout.list_referrers(REPOSITORY, IMAGE, soon()) == []


def test_reading_ends_at_the_deadline(folder: LayoutFolder) -> None:
    with pytest.raises(Unavailable) as caught:
        open_layout(folder).fetch_blob(REPOSITORY, BLOB, soon(0))
    assert caught.value.code == "deadline_exceeded"


@pytest.mark.parametrize(
    ("raised", "code"),
    [(PermissionError(13, "Permission denied"), "registry_denied"), (OSError(5, "I/O error"), "registry_unavailable")],
)
def test_a_file_system_that_refuses_is_unavailable(
    folder: LayoutFolder, monkeypatch: pytest.MonkeyPatch, raised: OSError, code: str
) -> None:
    layout = open_layout(folder)

    def refuse(*_: object, **__: object) -> int:
        raise raised

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        assert blob_code(layout) == code
    assert layout.fetch_blob(REPOSITORY, BLOB, soon()) == b"layer"
