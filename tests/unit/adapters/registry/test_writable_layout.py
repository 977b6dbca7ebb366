"""A layout that is written to is one that can be read, at every moment."""

import json
from pathlib import Path

import pytest

from assay.adapters.registry.layout import OciLayout
from assay.adapters.registry.writable_layout import WritableLayout
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_MANIFEST, Content
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from tests.fakes.oci import CONFIG, LayoutFolder, bundle_referrer, image, put_image, soon

REPOSITORY = Repository(registry="registry.test", path="app")
IMAGE = Digest.of(image())


@pytest.fixture
def layout(tmp_path: Path) -> WritableLayout:
    return WritableLayout.create(tmp_path / "layout", limits=Limits())


def entries(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((folder / "index.json").read_bytes())["manifests"]
    return found


def push_image(layout: WritableLayout, tag: str = "v1") -> None:
    for blob in (CONFIG, b"layer"):
        layout.push_blob(REPOSITORY, blob, soon())
    layout.push_manifest(REPOSITORY, image(), OCI_MANIFEST, soon(), tag=tag)


def test_what_is_pushed_is_read_back(layout: WritableLayout, tmp_path: Path) -> None:
    push_image(layout)
    blob = layout.push_blob(REPOSITORY, b"blob", soon())
    assert layout.fetch_blob(REPOSITORY, blob, soon()) == b"blob"
    assert layout.resolve(Reference(repository=REPOSITORY, tag="v1"), soon()).digest == IMAGE
    read = OciLayout.open(tmp_path, "layout", limits=Limits())
    assert read.find_manifest(REPOSITORY, "v1", soon()) == layout.find_manifest(REPOSITORY, IMAGE.text, soon())


def test_a_referrer_is_listed(layout: WritableLayout) -> None:
    push_image(layout)
    layout.push_blob(REPOSITORY, b"{}", soon())
    referrer = bundle_referrer(image(), b"bundle")
    pushed = layout.push_manifest(REPOSITORY, referrer, OCI_MANIFEST, soon())
    assert [entry.digest for entry in layout.list_referrers(REPOSITORY, IMAGE, soon())] == [pushed.digest]


def test_a_tag_moves_and_an_untagged_manifest_is_named_once(layout: WritableLayout, tmp_path: Path) -> None:
    push_image(layout)
    push_image(layout)
    other = image(annotations={"a": "b"})
    for tag in ("v1", "", ""):
        layout.push_manifest(REPOSITORY, other, OCI_MANIFEST, soon(), tag=tag)
    assert layout.resolve(Reference(repository=REPOSITORY, tag="v1"), soon()).octets == other
    assert len(entries(tmp_path / "layout")) == 1
    layout.push_manifest(REPOSITORY, image(), OCI_MANIFEST, soon())
    assert [entry["digest"] for entry in entries(tmp_path / "layout")] == [Digest.of(other).text, IMAGE.text]


def test_members_that_others_wrote_into_the_index_stay(tmp_path: Path) -> None:
    folder = LayoutFolder(folder=tmp_path / "layout")
    put_image(folder, "")
    folder.entries[0]["platform"] = {"os": "linux", "architecture": "amd64"}
    folder.write_index()
    before = folder.entries[0]
    layout = WritableLayout(tmp_path / "layout", limits=Limits())
    layout.push_manifest(REPOSITORY, image(annotations={"a": "b"}), OCI_MANIFEST, soon(), tag="v2")
    assert entries(tmp_path / "layout")[0] == before


def test_a_folder_with_content_does_not_become_a_layout(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput) as caught:
        WritableLayout.create(tmp_path, limits=Limits())
    assert caught.value.code == "folder_in_use"
    (tmp_path / "file").unlink()
    assert WritableLayout.create(tmp_path, limits=Limits())


def test_a_folder_that_cannot_be_written_is_unavailable(layout: WritableLayout, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable) as caught:
        WritableLayout.create(tmp_path / "file" / "layout", limits=Limits())
    assert caught.value.code == "folder_unavailable"
    (tmp_path / "layout" / "blobs").touch()
    with pytest.raises(Unavailable) as caught:
        layout.push_blob(REPOSITORY, b"blob", soon())
    assert caught.value.code == "folder_unavailable"


def test_a_file_appears_whole_or_not_at_all(layout: WritableLayout, tmp_path: Path) -> None:
    push_image(layout)
    index = tmp_path / "layout" / "index.json"
    kept = index.read_bytes()
    index.unlink()
    index.mkdir()
    with pytest.raises((InvalidInput, Unavailable)):
        layout.push_manifest(REPOSITORY, image(), OCI_MANIFEST, soon(), tag="v2")
    index.rmdir()
    index.write_bytes(kept)
    push_image(layout, "v2")
    assert not list(tmp_path.rglob(".new-*"))


def test_the_deadline_holds(layout: WritableLayout) -> None:
    late = Deadline(at=0, clock=lambda: 1)
    with pytest.raises(Unavailable) as caught:
        layout.push_blob(REPOSITORY, b"blob", late)
    assert caught.value.code == "deadline_exceeded"


def test_what_is_no_manifest_is_refused(layout: WritableLayout) -> None:
    with pytest.raises(InvalidInput) as caught:
        layout.push_manifest(REPOSITORY, b"{}", OCI_MANIFEST, soon())
    assert caught.value.code == "manifest_malformed"


def test_a_tag_is_amended_and_left_alone_when_nothing_is_to_be_changed(layout: WritableLayout) -> None:
    push_image(layout)
    new = Content(media_type=OCI_MANIFEST, octets=image(), digest=IMAGE)
    assert layout.amend_tag(REPOSITORY, "v2", lambda _: new, soon()) == new
    assert layout.amend_tag(REPOSITORY, "v2", lambda _: None, soon()) == new
    with pytest.raises(ValueError, match="does not exist"):
        layout.amend_tag(REPOSITORY, "v3", lambda _: None, soon())
