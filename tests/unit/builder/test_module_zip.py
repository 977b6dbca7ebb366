import io
import stat
import struct
import zipfile

import pytest

from assay.domain.errors import InvalidInput
from assay_builder.module_zip import ModuleZip
from tests.fakes.build import LIBRARY, pack_module

PREFIX = LIBRARY.prefix


def archive_of(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(f"{PREFIX}{name}"), content)
    return stream.getvalue()


def refuse(octets: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        ModuleZip(octets, prefix=PREFIX)
    assert caught.value.code == "zip_malformed"
    return caught.value.message


def test_files_are_listed_below_the_prefix_and_read() -> None:
    archive = ModuleZip(pack_module(LIBRARY, {"b/c.go": b"c", "a.go": b"a"}), prefix=PREFIX)
    assert archive.names() == ("a.go", "b/c.go")
    assert list(archive.files()) == [(f"{PREFIX}a.go", b"a"), (f"{PREFIX}b/c.go", b"c")]


@pytest.mark.parametrize("name", ["../a", "a/../b", "a//b", "/a", "a/", "a\\b", "a\nb", "./a", ""])
def test_a_name_that_is_no_normal_path_is_refused(name: str) -> None:
    assert PREFIX.rstrip("/") in refuse(archive_of((name, b"")))


def test_a_file_outside_of_the_prefix_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        ModuleZip(pack_module(LIBRARY, {"a": b""}), prefix="example.org/other@v1.0.0/")
    assert caught.value.code == "zip_malformed"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a.go", "A.go"])
def test_a_name_that_occurs_twice_is_refused(second: str) -> None:
    assert "occurs twice" in refuse(archive_of(("a.go", b"1"), (second, b"2")))
    ModuleZip(archive_of(("a.go", b"1"), ("b.go", b"2")), prefix=PREFIX)


def test_a_file_that_is_also_a_folder_is_refused() -> None:
    assert "is a file and a folder" in refuse(archive_of(("a", b"1"), ("a/b", b"2")))


def test_a_symbolic_link_is_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        member = zipfile.ZipInfo(f"{PREFIX}link")
        member.create_system = 3
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    assert "not a plain file" in refuse(stream.getvalue())


def test_an_encrypted_file_is_refused() -> None:
    octets = bytearray(archive_of(("a", b"1")))
    struct.pack_into("<H", octets, octets.index(b"PK\x01\x02") + 8, 1)
    assert "not a plain file" in refuse(bytes(octets))


def test_what_is_no_zip_is_refused() -> None:
    assert "cannot be used" in refuse(b"PK nothing")


def test_more_files_than_a_module_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay_builder.module_zip._MOST_FILES", 1)
    assert "more than a module may" in refuse(archive_of(("a", b"1"), ("b", b"2")))


def test_damaged_content_is_refused_when_it_is_read() -> None:
    octets = bytearray(archive_of(("a", b"content")))
    octets[octets.index(b"content")] ^= 1
    archive = ModuleZip(bytes(octets), prefix=PREFIX)
    with pytest.raises(InvalidInput) as caught:
        archive.read("a")
    assert caught.value.code == "zip_malformed"


def test_content_that_is_not_as_long_as_declared_is_refused() -> None:
    octets = bytearray(archive_of(("a", b"content")))
    header = octets.index(b"PK\x01\x02")
    struct.pack_into("<II", octets, header + 20, 3, 3)
    archive = ModuleZip(bytes(octets), prefix=PREFIX)
    with pytest.raises(InvalidInput) as caught:
        archive.read("a")
    assert caught.value.code == "zip_malformed"
