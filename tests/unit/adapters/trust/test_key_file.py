"""Trust from files: what is read, what identifies it, what is refused."""

from pathlib import Path

import pytest

from assay.adapters.trust.key_file import load_public_key
from assay.domain.errors import ConfigError
from assay.formats.public_key import render_public_key
from tests.fakes.signing import FakeAuthority

RELEASE = FakeAuthority("release")


def key_file(folder: Path, authority: FakeAuthority) -> Path:
    path = folder / f"{authority.name}.pub"
    path.write_bytes(render_public_key(authority.public_key()))
    return path


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
