"""Commits are found in clones, bundles and folders, and nothing that these hold is run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.adapters.git.commits import GitCommits
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError
from assay.formats.git_commit import parse_commit
from tests.fakes.git_history import SIGNER, GitHistory, make_history
from tests.fakes.oci import soon

LATER = soon(60)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> GitHistory:
    return make_history(tmp_path_factory.mktemp("history"))


def commits(repository: Path, scratch: Path, allowed_signers: Path | None = None) -> GitCommits:
    scratch.mkdir(exist_ok=True)
    return GitCommits(repository, scratch=scratch, allowed_signers=allowed_signers)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(AssayError) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("kind", ["clone", "git folder", "bundle"])
def test_a_commit_is_found(history: GitHistory, tmp_path: Path, kind: str) -> None:
    places = {"clone": history.folder, "git folder": history.folder / ".git", "bundle": history.bundle()}
    found = commits(places[kind], tmp_path).find_commit(history.signed, LATER)
    assert found is not None
    assert parse_commit(found, history.signed).signed
    assert commits(places[kind], tmp_path).find_commit("0" * 40, LATER) is None


def test_a_repository_of_the_longer_hash_is_read(tmp_path: Path) -> None:
    history = make_history(tmp_path, form="sha256")
    opened = commits(history.folder, tmp_path / "scratch", history.allowed_signers)
    found = opened.find_commit(history.signed, LATER)
    assert found is not None
    assert opened.verify_commit(found, history.signed, LATER) == SIGNER


def test_an_object_of_another_kind_is_no_commit(history: GitHistory, tmp_path: Path) -> None:
    tree = history.git("rev-parse", "HEAD^{tree}")
    assert commits(history.folder, tmp_path).find_commit(tree, LATER) is None


def test_a_saved_commit_is_found_and_verified_without_a_repository(history: GitHistory, tmp_path: Path) -> None:
    content = commits(history.folder, tmp_path / "one").find_commit(history.signed, LATER)
    assert content is not None
    (tmp_path / "commits").mkdir()
    (tmp_path / "commits" / history.signed).write_bytes(content)
    saved = commits(tmp_path, tmp_path / "two", history.allowed_signers)
    assert saved.find_commit(history.signed, LATER) == content
    assert saved.verify_commit(content, history.signed, LATER) == SIGNER
    assert saved.find_commit(history.unsigned, LATER) is None


def test_only_an_allowed_signer_is_one(history: GitHistory, tmp_path: Path) -> None:
    content = commits(history.folder, tmp_path).find_commit(history.signed, LATER) or b""
    assert commits(history.folder, tmp_path).verify_commit(content, history.signed, LATER) is None
    (tmp_path / "other").mkdir()
    other = make_history(tmp_path / "other").allowed_signers
    assert commits(history.folder, tmp_path, other).verify_commit(content, history.signed, LATER) is None
    opened = commits(history.folder, tmp_path, history.allowed_signers)
    assert opened.verify_commit(content, history.signed, LATER) == SIGNER
    unsigned = opened.find_commit(history.unsigned, LATER) or b""
    assert opened.verify_commit(unsigned, history.unsigned, LATER) is None


def test_a_key_counts_in_its_time_and_for_git_only(history: GitHistory, tmp_path: Path) -> None:
    opened = commits(history.folder, tmp_path)
    content = opened.find_commit(history.signed, LATER) or b""
    text = history.allowed_signers.read_text()
    for option, signer in {
        'namespaces="git",valid-before="20261101"': None,
        'namespaces="file"': None,
        'namespaces="git",valid-after="20261101"': SIGNER,
    }.items():
        changed = tmp_path / "allowed"
        changed.write_text(text.replace('namespaces="git"', option))
        assert commits(history.folder, tmp_path, changed).verify_commit(content, history.signed, LATER) == signer


def test_nothing_of_the_repositorys_configuration_is_heeded(tmp_path: Path) -> None:
    history = make_history(tmp_path)
    marker = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    for name in ("gpg.ssh.program", "core.fsmonitor", "core.pager", "gpg.program", "alias.cat-file"):
        history.git("config", name, str(program))
    nobody = tmp_path / "nobody"
    nobody.touch()
    history.git("config", "gpg.ssh.allowedSignersFile", str(history.allowed_signers))
    opened = commits(history.folder, tmp_path / "scratch", nobody)
    content = opened.find_commit(history.signed, LATER) or b""
    assert opened.verify_commit(content, history.signed, LATER) is None
    allowed = commits(history.folder, tmp_path / "scratch", history.allowed_signers)
    assert allowed.verify_commit(content, history.signed, LATER) == SIGNER
    assert not marker.exists()


@pytest.mark.parametrize("place", ["file", "empty"])
def test_what_is_no_repository_is_refused(history: GitHistory, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("no bundle")
    (tmp_path / "empty").mkdir()
    opened = commits(tmp_path / place, tmp_path / "scratch")
    assert refusal(lambda: opened.find_commit(history.signed, LATER)) == "repository_unusable"


def test_a_huge_object_is_not_read(tmp_path: Path) -> None:
    history = make_history(tmp_path)
    (history.folder / "message").write_text("x" * (1024 * 1024 + 1))
    history.git("commit", "--quiet", "--allow-empty", "-F", "message")
    huge = history.git("rev-parse", "HEAD")
    opened = commits(history.folder, tmp_path / "scratch")
    assert refusal(lambda: opened.find_commit(huge, LATER)) == "repository_unusable"
    assert opened.find_commit(history.signed, LATER)


def test_git_has_until_the_deadline(history: GitHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    opened = commits(history.folder, tmp_path / "scratch")
    brief = Deadline(at=0.01, clock=lambda: 0.0)
    assert refusal(lambda: opened.find_commit(history.signed, brief)) == "git_unavailable"


def test_without_git_or_ssh_keygen_nothing_is_proven(
    history: GitHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    opened = commits(history.folder, tmp_path / "scratch", history.allowed_signers)
    assert refusal(lambda: opened.find_commit(history.signed, LATER)) == "git_unavailable"
    assert refusal(lambda: opened.verify_commit(b"", history.signed, LATER)) == "git_unavailable"


def test_a_place_that_git_cannot_write_to_is_unavailable(history: GitHistory, tmp_path: Path) -> None:
    (tmp_path / "sha1").touch()
    opened = GitCommits(history.folder, scratch=tmp_path / "sha1", allowed_signers=None)
    assert refusal(lambda: opened.find_commit(history.signed, LATER)) == "git_unavailable"
