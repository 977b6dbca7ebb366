"""`assay break-glass`: what is signed, what is listed, and what is revoked."""

from datetime import timedelta
from pathlib import Path

import pytest

from assay.domain.digest import Digest
from tests.fakes.grants import NOW, SECURITY, identify, mint_grant
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.unit.cli.conftest import CommandLine

IMAGE = Digest.of(b"image")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with keys and a configuration."""
    monkeypatch.chdir(tmp_path)
    for name in ("security.key", "second.key", "assay.yaml"):
        (tmp_path / name).touch()
    return tmp_path


def create(*more: str, digest: Digest = IMAGE, target: str = "grant.json") -> list[str]:
    where = ["--tenant", TENANT, "--environment", ENVIRONMENT, "--namespace", "shop"]
    why = ["--reason", "log is down", "--ticket", "OPS-1", "--owner", "alice"]
    words = ["--key", "security.key", "--digest", digest.text, *where, *why, "--to", target, *more]
    return ["break-glass", "create", *words]


def listed(assay: CommandLine) -> dict[str, object]:
    (grant,) = assay.run("break-glass", "list", "--config", "assay.yaml", "--output", "json").document["grants"]
    assert isinstance(grant, dict)
    return grant


def test_a_grant_is_signed_and_its_terms_are_told(assay: CommandLine, folder: Path) -> None:
    made = assay.run(*create("--hours", "2", "--uses", "3"))
    assert (made.status, "OPS-1" in made.out, "3 uses" in made.out) == (0, True, True)
    assay.parts.grants.bundles = [(folder / "grant.json").read_bytes()]
    grant = listed(assay)
    assert (grant["holds"], grant["signed_by"], grant["used"]) == (True, ["security"], 0)
    assert (grant["not_before"], grant["expires"]) == ("2026-11-21T12:00:00Z", "2026-11-21T14:00:00Z")


def test_a_second_person_signs_the_same_terms(assay: CommandLine, folder: Path) -> None:
    first = assay.run(*create("--output", "json")).document
    words = ["endorse", "grant.json", "--key", "second.key", "--to", "second.json", "--output", "json"]
    second = assay.run("break-glass", *words).document
    assert (second["grant"], second["file"]) == (first["grant"], "second.json")
    assert (folder / "second.json").read_bytes() != (folder / "grant.json").read_bytes()


def test_nothing_but_a_grant_is_endorsed(assay: CommandLine, folder: Path) -> None:
    (folder / "other.json").write_bytes(SECURITY.bundle(IMAGE))
    words = ["--key", "second.key", "--to", "second.json", "--output", "json"]
    refused = assay.run("break-glass", "endorse", "other.json", *words)
    assert (refused.status, refused.document["error"]["code"]) == (1, "grant_malformed")


def test_a_grant_is_never_overwritten(assay: CommandLine, folder: Path) -> None:
    assert assay.run(*create()).status == 0
    before = (folder / "grant.json").read_bytes()
    assert (assay.run(*create()).status, (folder / "grant.json").read_bytes()) == (2, before)
    assert assay.run(*create(target="another.json")).status == 0


@pytest.mark.parametrize("words", [["--hours", "0"], ["--hours", "169"], ["--uses", "0"], ["--reason", " "]])
def test_terms_that_nobody_could_use_are_refused(assay: CommandLine, folder: Path, words: list[str]) -> None:
    assert assay.run(*create(*words)).status != 0
    assert not (folder / "grant.json").exists()


def test_the_list_says_what_does_not_hold_and_why(assay: CommandLine) -> None:
    call = ["break-glass", "list", "--config", "assay.yaml"]
    assert "there are no grants" in assay.run(*call).out
    assay.parts.grants.bundles = [mint_grant(IMAGE, expires=NOW), mint_grant(IMAGE, uses=11), b"{}"]
    told = assay.run(*call).out
    assert ("not its time" in told, "more than 10 uses" in told, "no grant, or signed by nobody" in told) == (True,) * 3
    assay.parts.grants.bundles = [mint_grant(IMAGE)]
    assert "holds      yes" in assay.run(*call).out


def test_a_revoked_grant_holds_no_longer(assay: CommandLine) -> None:
    assay.parts.grants.bundles = [mint_grant(IMAGE)]
    call = ["break-glass", "revoke", "--config", "assay.yaml", identify(IMAGE).text, "--reason"]
    assert assay.run(*call, " ").status == 2
    assert listed(assay)["holds"] is True
    assert "is revoked" in assay.run(*call, "over").out
    assert listed(assay)["objection"] == "it was revoked: over"
    assert "before" in assay.run(*call, "again").out


def test_a_grant_of_a_stranger_is_none(assay: CommandLine) -> None:
    assay.parts.grants.bundles = [mint_grant(IMAGE, expires=NOW + timedelta(hours=2))]
    assert listed(assay)["holds"] is True
    assay.parts.grants.bundles = [SECURITY.bundle(IMAGE), b'{"dsseEnvelope":{}}']
    document = assay.run("break-glass", "list", "--config", "assay.yaml", "--output", "json").document
    assert (document["grants"], len(document["unusable"])) == ([], 2)
