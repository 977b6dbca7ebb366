"""Trust from files: what is read, what identifies it, what is refused."""

from pathlib import Path

import pytest

from assay.adapters.trust.key_file import KeyFileTrust, load_public_key
from assay.domain.errors import ConfigError
from assay.formats.public_key import render_public_key
from tests.fakes.signing import FakeAuthority

RELEASE, OTHER = FakeAuthority("release"), FakeAuthority("other")


def key_file(folder: Path, authority: FakeAuthority) -> Path:
    path = folder / f"{authority.name}.pub"
    path.write_bytes(render_public_key(authority.public_key()))
    return path


def test_each_authority_has_the_keys_of_its_files(tmp_path: Path) -> None:
    paths = (key_file(tmp_path, RELEASE), key_file(tmp_path, OTHER))
    trust = KeyFileTrust.load([("release", paths), ("backup", paths[1:])])
    assert [member.name for member in trust.authorities()] == ["release", "backup"]
    assert [len(member.keys) for member in trust.authorities()] == [2, 1]


def test_the_identity_of_trust_follows_names_and_keys_but_not_their_order(tmp_path: Path) -> None:
    release, other = key_file(tmp_path, RELEASE), key_file(tmp_path, OTHER)
    trust = KeyFileTrust.load([("a", [release, other]), ("b", [other])])
    same = KeyFileTrust.load([("b", [other]), ("a", [other, release])])
    assert trust.digest() == same.digest()
    for changed in ([("a", [release]), ("b", [other])], [("a", [release, other]), ("c", [other])]):
        assert KeyFileTrust.load(changed).digest() != trust.digest()


@pytest.mark.parametrize("damage", ["missing", "folder", "empty", "private", "padded"])
def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path, damage: str) -> None:
    path = key_file(tmp_path, RELEASE)
    good = path.read_bytes()
    assert load_public_key(path) == RELEASE.public_key()
    path.unlink()
    match damage:
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "private":
            path.write_bytes(good.replace(b"PUBLIC", b"PRIVATE"))
        case "padded":
            path.write_bytes(good + b"\n" * 64 * 1024 + good)
    with pytest.raises(ConfigError) as caught:
        load_public_key(path)
    assert caught.value.code == "key_file_unusable"
    assert str(path) in caught.value.message
