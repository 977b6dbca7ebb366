import json
from pathlib import Path

import pytest

from assay.domain.descriptor import OCI_INDEX
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay_builder.adapters.store.content import FileStore
from assay_builder.adapters.store.layout import FolderWriter
from assay_builder.pipeline import build
from tests.fakes.build import FakeBuildWorld

CONTENT = b"content of an input"
DIGEST = Digest.of(CONTENT)


def code_of(error: pytest.ExceptionInfo[AssayError]) -> str:
    return error.value.code


def test_content_is_kept_under_its_digest(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "cache")
    assert not store.holds(DIGEST)
    store.add("input", DIGEST, len(CONTENT), [CONTENT[:5], CONTENT[5:]])
    assert store.holds(DIGEST)
    assert store.read("input", DIGEST) == CONTENT
    assert [file.name for file in (tmp_path / "cache" / "sha256").iterdir()] == [DIGEST.hex]


@pytest.mark.parametrize(
    ("pieces", "found"),
    [([b"other input bytes!!"], str(Digest.of(b"other input bytes!!"))), ([CONTENT, b"x"], "more than its"), ([], "")],
)
def test_other_bytes_are_refused_and_nothing_is_kept(tmp_path: Path, pieces: list[bytes], found: str) -> None:
    store = FileStore(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        store.add("module demo", DIGEST, len(CONTENT), pieces)
    assert code_of(caught) == "input_digest_mismatch"
    assert "module demo" in caught.value.message
    assert str(DIGEST) in caught.value.message
    assert found in caught.value.message
    assert list((tmp_path / "sha256").iterdir()) == []


def test_content_that_was_damaged_is_found_when_it_is_used(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.add("input", DIGEST, len(CONTENT), [CONTENT])
    (tmp_path / "sha256" / DIGEST.hex).write_bytes(b"damaged")
    with pytest.raises(InvalidInput) as caught:
        store.read("input", DIGEST)
    assert code_of(caught) == "input_digest_mismatch"
    assert not store.holds(DIGEST)


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.add("input", DIGEST, len(CONTENT), [CONTENT])
    with (tmp_path / "sha256" / DIGEST.hex).open("r+b") as file:
        file.truncate(2 * 1024**3)
    with pytest.raises(InvalidInput) as caught:
        store.read("input", DIGEST)
    assert code_of(caught) == "input_digest_mismatch"


def test_a_store_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FileStore(tmp_path / "file")
    with pytest.raises(Unavailable) as caught:
        store.add("input", DIGEST, len(CONTENT), [CONTENT])
    assert code_of(caught) == "store_unavailable"
    with pytest.raises(Unavailable) as caught:
        store.read("input", DIGEST)
    assert code_of(caught) == "store_unavailable"


def test_a_layout_holds_image_and_referrers(tmp_path: Path) -> None:
    world = FakeBuildWorld()
    attested = build(world.plan, world.parts())
    referrers = [(item.referrer, item.blobs) for item in attested.bundles]
    for _ in range(2):
        FolderWriter().write(tmp_path / "layout", attested.isolated.image, referrers)
    index = json.loads((tmp_path / "layout" / "index.json").read_bytes())
    assert index["mediaType"] == OCI_INDEX
    assert index["manifests"][0]["digest"] == str(attested.isolated.image.digest)
    assert len(index["manifests"]) == 1 + len(referrers)
    assert json.loads((tmp_path / "layout" / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    for file in (tmp_path / "layout" / "blobs" / "sha256").iterdir():
        assert Digest.of(file.read_bytes()).hex == file.name


def test_a_folder_with_something_else_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"")
    world = FakeBuildWorld()
    image = build(world.plan, world.parts()).isolated.image
    with pytest.raises(InvalidInput) as caught:
        FolderWriter().write(tmp_path, image, [])
    assert code_of(caught) == "folder_in_use"


def test_documents_are_written_by_name(tmp_path: Path) -> None:
    FolderWriter().write_documents(tmp_path / "new", [("a.json", b"{}")])
    assert (tmp_path / "new" / "a.json").read_bytes() == b"{}"


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    world = FakeBuildWorld()
    image = build(world.plan, world.parts()).isolated.image
    with pytest.raises(Unavailable) as caught:
        FolderWriter().write(tmp_path / "file" / "x", image, [])
    assert code_of(caught) == "folder_unavailable"
    with pytest.raises(Unavailable) as caught:
        FolderWriter().write_documents(tmp_path / "file", [])
    assert code_of(caught) == "folder_unavailable"
