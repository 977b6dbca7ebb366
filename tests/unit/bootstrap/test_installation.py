"""Reading the trust of an installation again: what a reload takes up, and what needs a restart."""

from pathlib import Path

import pytest

from assay.bootstrap.installation import Installation
from assay.domain.errors import ConfigError
from assay.domain.quorum import Quorum
from tests.fakes.certificate import NOW
from tests.fakes.http_server import Script, answering
from tests.unit.bootstrap.conftest import CONFIGURATION, Write

RELEASE = "  release: {keys: [release.pub]}\n"
TUF = "{tuf: {url: https://tuf.example, root: root.json}, profile: github}"
TEXT = CONFIGURATION.replace(
    RELEASE,
    "  release: {keys: [release.pub], trust_root: own}\n  ci: {keys: [release.pub]}\n"
    "quorums:\n  board: {authorities: [ci, release], threshold: 2}\n"
    f"trust_roots:\n  own: {TUF}\n",
)


@pytest.fixture
def installation(write: Write) -> Installation:
    assert TEXT != CONFIGURATION
    return Installation.load(write(TEXT))


def test_keys_windows_and_profiles_are_taken_up(installation: Installation, write: Write, tmp_path: Path) -> None:
    window = "{file: new.pub, valid_until: 2027-01-01T00:00:00Z}"
    write(TEXT.replace("keys: [release.pub], trust", f"keys: [{window}], trust").replace("github", "public_good"))
    sources = installation.reread_trust()
    assert sources.authorities[1].keys[0].file == tmp_path / "new.pub"
    assert sources.roots[0].profile != installation.trust_sources().roots[0].profile
    assert tmp_path / "root.json" in sources.files()
    assert installation.settings.trust.quorums == (("board", Quorum(authorities=("ci", "release"), threshold=2)),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("threshold: 2", "threshold: 1"),
        ("  ci: {keys", "  cj: {keys"),
        ("https://tuf.example", "https://other.example"),
        ("root: root.json", "root: other.json"),
        (TUF, "{file: root.json, profile: github}"),
        ("state: state", "state: elsewhere"),
    ],
)
def test_what_other_processes_hold_on_to_needs_a_restart(
    installation: Installation, write: Write, old: str, new: str
) -> None:
    assert old in TEXT
    write(TEXT.replace(old, new).replace("[ci, release]", "[cj, release]" if "cj" in new else "[ci, release]"))
    with pytest.raises(ConfigError) as caught:
        installation.reread_trust()
    assert caught.value.code == "restart_needed"
    write(TEXT)
    assert installation.reread_trust() == installation.trust_sources()


def test_a_file_that_cannot_be_read_whole_is_no_trust(installation: Installation, write: Write) -> None:
    write(TEXT[:-30])
    with pytest.raises(ConfigError) as caught:
        installation.reread_trust()
    assert caught.value.code == "configuration_invalid"


KEPT = TEXT.replace("ci: {keys: [release.pub]}", "ci: {keys: [openbao://ci]}")


def test_a_reload_keeps_what_was_fetched_from_a_key_service(write: Write) -> None:
    installation = Installation.load(write(KEPT))
    (before,) = installation.trust_sources().remote_keys()
    write(KEPT.replace("openbao://ci", "openbao://ci, openbao://more"))
    kept, more = installation.reread_trust().remote_keys()
    assert (kept.name, kept.source) == ("openbao://ci", before.source)
    assert more.source is not before.source


def test_a_key_service_that_does_not_answer_leaves_its_authority_without_its_key(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(Script(status=503)) as silent:
        monkeypatch.setenv("BAO_ADDR", silent.url)
        monkeypatch.setenv("BAO_TOKEN", "token")
        installation = Installation.load(write(CONFIGURATION.replace("[release.pub]", "[openbao://release]", 1)))
        trust = installation.load_trust().at(NOW)
        assert "openbao://release: it was never fetched" in trust.outage()
        assert len(silent.seen) == 1
        assert installation.load_trust(offline=True).at(NOW).lacking() == {"release"}
        assert len(silent.seen) == 1


def test_a_key_service_that_is_not_configured_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BAO_ADDR", raising=False)
    path = write(CONFIGURATION.replace("[release.pub]", "[openbao://release]", 1))
    with pytest.raises(ConfigError) as caught:
        Installation.load(path).load_trust()
    assert caught.value.code == "kms_not_configured"
