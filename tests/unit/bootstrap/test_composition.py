"""What the command line is given."""

import stat
from pathlib import Path

import pytest

from assay.bootstrap.composition import SystemComposition
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput
from assay.formats.public_key import parse_public_key
from tests.fakes.oci import LayoutFolder, image, put_bundle, put_image
from tests.unit.bootstrap.conftest import CONFIGURATION, Write

PARTS = SystemComposition()


def test_a_new_key_pair_belongs_together_and_is_never_overwritten(tmp_path: Path) -> None:
    private, public = PARTS.generate_keys(tmp_path / "keys", b"password")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert PARTS.signer(private, password=b"password").public_key() == parse_public_key(public.read_bytes())
    before = private.read_bytes()
    with pytest.raises(ConfigError) as caught:
        PARTS.generate_keys(tmp_path / "keys", b"password")
    assert (caught.value.code, private.read_bytes()) == ("key_file_exists", before)


def test_authorities_come_from_key_files_or_from_a_configuration(write: Write, tmp_path: Path) -> None:
    configured = PARTS.trust_from_configuration(write(CONFIGURATION)).authorities
    assert list(PARTS.trust_from_signers(keys=[tmp_path / "release.pub"]).authorities) == list(configured)


def test_the_one_image_of_a_layout_is_found_among_its_evidence(tmp_path: Path) -> None:
    layout = LayoutFolder(folder=tmp_path / "layout")
    put_image(layout, "")
    put_bundle(layout, "", image(), b"bundle")
    assert PARTS.layout_image(tmp_path / "layout") == Digest.of(image())
    layout.put_manifest("", image(layers=[]))
    with pytest.raises(InvalidInput) as caught:
        PARTS.layout_image(tmp_path / "layout")
    assert caught.value.code == "layout_ambiguous"


def test_a_layout_without_an_image_is_ambiguous_too(tmp_path: Path) -> None:
    layout = LayoutFolder(folder=tmp_path / "layout")
    layout.entries.append(
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'0' * 64}", "size": 2}
    )
    layout.write_index()
    with pytest.raises(InvalidInput) as caught:
        PARTS.layout_image(tmp_path / "layout")
    assert caught.value.code == "layout_ambiguous"
    assert PARTS.layout(tmp_path / "layout") is not None


def test_clients_are_made_without_asking_anybody(tmp_path: Path) -> None:
    assert PARTS.registry(plain_http=["registry.example"], ca=None) is not None
    assert PARTS.gate("http://127.0.0.1:1", token="", ca=None) is not None
    assert PARTS.service("https://service.example", token="t", ca=tmp_path) is not None
    assert PARTS.builder_parts() is PARTS
    assert PARTS.clock().monotonic() > 0
    assert list(tmp_path.iterdir()) == []
