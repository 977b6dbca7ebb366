"""Trust material in files."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from assay.adapters.trust.loading import load_trust
from assay.adapters.trust.root_file import load_root
from assay.adapters.trust.source import AuthoritySource, KeySource, RemoteKey, RootSource, TrustSources
from assay.domain.errors import ConfigError
from assay.domain.identity import MissingKey, PublicKey
from assay.domain.signer import SignerIdentity
from assay.formats.public_key import render_public_key
from assay.verification.identity import IdentityPattern
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustProfile, TrustRoot
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.certificate import NOW
from tests.fakes.clock import MovingClock
from tests.fakes.key_source import HOUR, FakeKeySource
from tests.fakes.signing import FakeAuthority
from tests.fakes.sigstore import FakeSigstore

RELEASE_KEY, OTHER_KEY = FakeAuthority().public_key(), FakeAuthority("other").public_key()
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


CLOCK = MovingClock(wall=NOW)


def remote(key: PublicKey | None) -> RemoteKey:
    return RemoteKey(name="openbao://release", source=FakeKeySource(key=key, clock=CLOCK))


def test_a_key_that_a_service_keeps_counts_beside_those_of_files(key: KeySource) -> None:
    kept = replace(remote(OTHER_KEY), valid_until=NOW.replace(year=2040))
    (authority,) = load([AuthoritySource(name="release", keys=[key], remote_keys=[kept], root="own")]).authorities
    assert authority.keys == (RELEASE_KEY, replace(OTHER_KEY, valid_until=kept.valid_until))
    assert authority.missing_keys == ()


def test_a_key_that_nobody_answers_with_is_missing_and_the_others_count(key: KeySource) -> None:
    silent = AuthoritySource(name="kept", keys=[], remote_keys=[remote(None)])
    both = replace(silent, name="both", keys=[key])
    trust = load([silent, both])
    missing = (MissingKey(name="openbao://release", why="it was never fetched: silence"),)
    assert [authority.keys for authority in trust.authorities] == [(), (RELEASE_KEY,)]
    assert [authority.missing_keys for authority in trust.authorities] == [missing, missing]
    assert trust.outage() == ""


def test_a_key_counts_until_it_was_confirmed_too_long_ago() -> None:
    loaded = load_trust(
        TrustSources(authorities=[AuthoritySource(name="kept", keys=[], remote_keys=[remote(OTHER_KEY)])])
    )
    assert loaded.at(NOW + HOUR).authorities[0].keys == (OTHER_KEY,)
    late = loaded.at(NOW + HOUR + timedelta(seconds=1)).authorities[0]
    assert (late.keys, late.missing_keys[0].why) == ((), "nobody has confirmed it for too long")


def test_who_is_offline_asks_no_key_service() -> None:
    sources = TrustSources(authorities=[AuthoritySource(name="kept", keys=[], remote_keys=[remote(OTHER_KEY)])])
    assert load_trust(sources, offline=True).at(NOW).lacking() == {"kept"}
    assert load_trust(sources).at(NOW).lacking() == frozenset()


def test_a_key_that_cannot_be_asked_for_is_refused() -> None:
    kept = remote(None)
    assert isinstance(kept.source, FakeKeySource)
    kept.source.unusable = ConfigError("kms_extra_missing", "it is not installed", remedy="install it")
    with pytest.raises(ConfigError) as caught:
        load([AuthoritySource(name="kept", keys=[], remote_keys=[kept])])
    assert caught.value.code == "kms_extra_missing"
