import gzip
import io
import tarfile

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay_builder.image.layer import compress, make_layer
from assay_builder.image.rootfs import Entry

ENTRIES = (
    Entry(path="d", mode=0o1777, content=None),
    Entry(path="d/empty", mode=0o644, content=b""),
    Entry(path="d/" + "n" * 98, mode=0o755, content=b"x" * 513),
    Entry(path="d/" + "p" * 120 + "/" + "n" * 100, mode=0o755, content=b"y"),
)


def test_a_tar_reader_finds_what_was_packed() -> None:
    layer = make_layer(ENTRIES, epoch=1788025219)
    octets = gzip.decompress(layer.content)
    assert Digest.of(octets) == layer.diff_id
    with tarfile.open(fileobj=io.BytesIO(octets)) as archive:
        members = archive.getmembers()
        assert [(item.name, item.mode, item.isdir(), item.size) for item in members] == [
            (entry.path, entry.mode, entry.content is None, len(entry.content or b"")) for entry in ENTRIES
        ]
        assert {(item.mtime, item.uid, item.gid, item.uname) for item in members} == {(1788025219, 0, 0, "")}
        assert [file.read() for item in members if (file := archive.extractfile(item))] == [b"", b"x" * 513, b"y"]


def test_the_same_entries_give_the_same_bytes() -> None:
    assert make_layer(ENTRIES, epoch=1).content == make_layer(ENTRIES, epoch=1).content


def test_the_gzip_header_says_nothing_about_this_machine() -> None:
    assert compress(b"x")[:10] == b"\x1f\x8b\x08" + bytes(6) + b"\xff"


@pytest.mark.parametrize("path", ["n" * 101, "p" * 156 + "/n", "d/" + "n" * 101, "p" * 156 + "/" + "n" * 100])
def test_a_path_that_does_not_fit_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_layer([Entry(path=path, mode=0o644, content=b"")], epoch=0)
    assert caught.value.code == "image_path_too_long"
