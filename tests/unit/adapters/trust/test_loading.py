"""Trust material in files."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from assay.adapters.trust.loading import load_trust
from assay.adapters.trust.root_file import load_root
from assay.adapters.trust.source import AuthoritySource, KeySource, RootSource, TrustSources
from assay.domain.errors import ConfigError
from assay.domain.signer import SignerIdentity
from assay.formats.public_key import render_public_key
from assay.verification.identity import IdentityPattern
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustProfile, TrustRoot
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.certificate import NOW
from tests.fakes.signing import FakeAuthority
from tests.fakes.sigstore import FakeSigstore

WORLD = FakeSigstore()
PATTERN = IdentityPattern(issuer=TextPattern(exact="https://issuer.test"), san=TextPattern(exact="a@b.test"))
ROOT = RootSource(name="own", file=None, profile=TrustProfile.public_good())


def load(authorities: list[AuthoritySource], roots: Sequence[RootSource] = ()) -> TrustSnapshot:
    return load_trust(TrustSources(authorities=authorities, roots=roots)).at(NOW)


def root_of(source: RootSource) -> TrustRoot:
    root = load_root(source).root
    assert root is not None
    return root


@pytest.fixture
def key(tmp_path: Path) -> KeySource:
    path = tmp_path / "release.pub"
    path.write_bytes(render_public_key(FakeAuthority().public_key()))
    return KeySource(file=path)


@pytest.fixture
def root(tmp_path: Path) -> RootSource:
    path = tmp_path / "root.json"
    path.write_bytes(WORLD.trusted_root())
    return replace(ROOT, file=path)


def test_keys_and_identities_and_roots_are_read(key: KeySource, root: RootSource) -> None:
    source = AuthoritySource(name="release", keys=[key], identities=[PATTERN], root="own")
    trust = load([source], [root])
    (authority,) = trust.authorities
    assert authority.keys == (FakeAuthority().public_key(),)
    assert authority.identities[0].matches(
        SignerIdentity(issuer="https://issuer.test", san="a@b.test", san_type="email")
    )
    assert trust.roots["own"].name == "own"
    assert len(trust.roots["own"].logs) == 2


def test_the_public_good_root_comes_along_and_loads_without_a_warning() -> None:
    found = root_of(ROOT)
    assert {log.name for log in found.logs.values()} == {"rekor.sigstore.dev", "log2025-1.rekor.sigstore.dev"}
    assert found.warnings == ()


def test_the_digest_is_that_of_everything_that_is_trusted(key: KeySource, root: RootSource) -> None:
    plain = AuthoritySource(name="release", keys=[key])
    rooted = replace(plain, root="own")
    other = replace(root, profile=TrustProfile.github())
    trusts = [
        load([plain]),
        load([replace(plain, name="other")]),
        load([replace(plain, keys=[], identities=[PATTERN], root="own")], [root]),
        load([rooted], [root]),
        load([replace(rooted, keys=[replace(key, valid_until=NOW)])], [root]),
        load([rooted], [other]),
    ]
    assert len({trust.digest for trust in trusts}) == len(trusts)
    assert load([rooted], [root]).digest == trusts[3].digest


UNUSABLE: dict[str, bytes | None] = {
    "not there": None,
    "empty": b"{}",
    "too long": WORLD.trusted_root() + b" " * 1024 * 1024,
    "without its logs' starts": WORLD.trusted_root(edit=lambda root: root["tlogs"][0]["publicKey"].pop("validFor")),
}


@pytest.mark.parametrize("defect", UNUSABLE)
def test_a_trusted_root_that_cannot_be_used_is_named(tmp_path: Path, root: RootSource, defect: str) -> None:
    path, content = tmp_path / "other.json", UNUSABLE[defect]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        root_of(replace(root, file=path))
    assert caught.value.code == "trusted_root_unusable"
    assert str(path) in caught.value.message
    assert root_of(root).logs


@pytest.mark.parametrize("content", [None, b"no key"])
def test_a_key_file_that_cannot_be_used_is_named(key: KeySource, content: bytes | None) -> None:
    path = key.file.with_name("other.pub")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load([AuthoritySource(name="release", keys=[KeySource(file=path)])])
    assert caught.value.code == "key_file_unusable"
    assert str(path) in caught.value.message
    assert load([AuthoritySource(name="release", keys=[key])]).authorities
