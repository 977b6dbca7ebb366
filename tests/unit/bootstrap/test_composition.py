"""What the command line is given."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from assay.bootstrap.composition import SystemComposition
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.reference import Repository
from assay.domain.root_origin import RootSource
from assay.formats.public_key import parse_public_key
from assay.verification.identity import IdentityPattern
from assay.verification.text_pattern import TextPattern
from tests.fakes.buildkit import FakeIndex
from tests.fakes.oci import LayoutFolder, image, put_bundle, put_image, put_signature, soon
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.tuf_repository import FakeTuf
from tests.unit.bootstrap.conftest import CONFIGURATION, Write

ANY = Repository(registry="registry.test", path="app")
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
    assert list(PARTS.trust_from_signers(keys=[tmp_path / "release.pub"], offline=True).authorities) == list(configured)


def test_what_verifies_a_bundle_loads_no_client_of_the_network() -> None:
    program = (
        "import sys, assay.cli.verify_bundle, assay.bootstrap.composition;"
        "sys.exit(' '.join({'requests', 'sigstore', 'tuf', 'flask', 'sqlalchemy'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_trust_root_is_refreshed_when_it_is_due(write: Write, tmp_path: Path) -> None:
    repository = FakeTuf()
    repository.put("trusted_root.json", FakeSigstore().trusted_root())
    (tmp_path / "root.json").write_bytes(repository.bootstrap)
    with repository.serve() as url:
        profile = "{log_entries: 1, scts: 1, timestamps: 0}"
        root = f"trust_roots: {{own: {{tuf: {{url: {url}, root: root.json}}, profile: {profile}}}}}\n"
        keyed = "release: {keys: [release.pub]"
        configuration = write(CONFIGURATION.replace(keyed, f"{keyed}, trust_root: own") + root)
        assert PARTS.trust_from_configuration(configuration).outage().startswith("own: nothing was fetched")
        assert PARTS.refresh_due(configuration) == {}
        assert PARTS.trust_from_configuration(configuration).outage() == ""
        repository.status = 503
        repository.seen.clear()
        assert PARTS.refresh_due(configuration) == {}
        assert repository.seen == []
        (tmp_path / "state" / "trust" / "own" / "published.json").unlink()
        assert PARTS.refresh_due(configuration)["own"].code == "trust_refresh_failed"


def test_the_public_good_root_of_a_user_lies_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rule = IdentityPattern(issuer=TextPattern(exact="https://issuer.test"), san=TextPattern(exact="a@example.com"))
    online, offline = (
        PARTS.trust_from_signers(keys=[], identities=[rule], offline=offline).origins["public_good"]
        for offline in (False, True)
    )
    assert (online.source, offline.source) == (RootSource.SHIPPED, RootSource.SHIPPED)
    assert (online.trusted_until is None, offline.trusted_until is None) == (False, True)


def test_the_one_image_of_a_layout_is_found_among_its_evidence(tmp_path: Path) -> None:
    layout = LayoutFolder(folder=tmp_path / "layout")
    put_image(layout, "")
    put_bundle(layout, "", image(), b"bundle")
    put_signature(layout, "", Digest.of(image()), b"payload", {})
    assert PARTS.layout_image(tmp_path / "layout") == Digest.of(image())
    layout.put_manifest("", image(layers=[]))
    with pytest.raises(InvalidInput) as caught:
        PARTS.layout_image(tmp_path / "layout")
    assert caught.value.code == "layout_ambiguous"


def test_the_one_index_of_a_layout_is_found_among_its_platforms(tmp_path: Path) -> None:
    layout = LayoutFolder(folder=tmp_path / "layout")
    index = FakeIndex.of("amd64", "arm64").attested()
    index.put(layout, "")
    assert PARTS.layout_image(tmp_path / "layout") == index.digest
    put_image(layout, "")
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


def test_a_layout_can_be_made_and_added_to(tmp_path: Path) -> None:
    PARTS.new_layout(tmp_path / "layout").push_blob(ANY, b"blob", soon())
    assert PARTS.writable_layout(tmp_path / "layout").push_blob(ANY, b"blob", soon()).digest == Digest.of(b"blob")


def test_clients_are_made_without_asking_anybody(tmp_path: Path) -> None:
    assert PARTS.registry(plain_http=["registry.example"], ca=None) is not None
    assert PARTS.gate("http://127.0.0.1:1", token="", ca=None) is not None
    assert PARTS.service("https://service.example", token="t", ca=tmp_path) is not None
    assert PARTS.builder_parts() is PARTS
    assert PARTS.clock().monotonic() > 0
    assert list(tmp_path.iterdir()) == []


def test_break_glass_is_what_the_configuration_says(write: Write, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    glass, trust = PARTS.break_glass(write(f"{CONFIGURATION}break_glass: {{grants: grants, authorities: [release]}}\n"))
    assert (glass.grants.list_bundles(), trust.outage()) == ([], "")
    assert glass.grants.standing(Digest.of(b"grant")).uses == 0
    with pytest.raises(ConfigError) as caught:
        PARTS.break_glass(write(CONFIGURATION))
    assert caught.value.code == "break_glass_missing"
