"""Commits read and verified by git in a scratch repository of our own.

A repository's configuration, hooks and attributes can make git run programs. Here none of them is read: the objects of
a clone are an alternate object store of an empty repository, those of a bundle are unpacked into it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput, Unavailable
from assay.formats.git_commit import LARGEST_COMMIT, require_commit_id

_GOOD = re.compile(r'^Good "git" signature for (.{1,500}) with [A-Z0-9-]+ key SHA256:', re.MULTILINE)
_SHA256_CHARACTERS = 64
_SAVED = "commits"


class GitCommits:
    """The commits of a clone, a bundle or a folder with saved ones; implements the port `Commits`.

    `scratch` is an empty folder that git may write to. `allowed_signers` is a file as `ssh-keygen` reads it; without
    one no signature is good.
    """

    def __init__(self, repository: Path, *, scratch: Path, allowed_signers: Path | None) -> None:
        self._repository = repository.absolute()
        self._scratch = scratch
        self._allowed_signers = allowed_signers.absolute() if allowed_signers is not None else None

    def find_commit(self, commit_id: str, deadline: Deadline) -> bytes | None:
        """The content of a commit object, unchecked; None when the repository does not have it."""
        saved = self._repository / _SAVED / require_commit_id(commit_id)
        if saved.is_file():
            with saved.open("rb") as file:
                return file.read(LARGEST_COMMIT + 1)
        folder = self._open(commit_id, deadline)
        size = self._git(folder, "cat-file", "-s", commit_id, deadline=deadline)
        if size.returncode:
            return None
        if int(size.stdout) > LARGEST_COMMIT:
            raise _unusable(self._repository, f"the object {commit_id} has {int(size.stdout)} bytes")
        read = self._git(folder, "cat-file", "commit", commit_id, deadline=deadline)
        return None if read.returncode else read.stdout

    def verify_commit(self, commit: bytes, commit_id: str, deadline: Deadline) -> str | None:
        """The allowed signer whose good SSH signature the commit has; None without one, or when nobody is allowed."""
        if self._allowed_signers is None:
            return None
        if shutil.which("ssh-keygen") is None:
            raise _unavailable("ssh-keygen, which git verifies signatures with, is not installed")
        folder = self._open(commit_id, deadline)
        self._git(folder, "hash-object", "-t", "commit", "-w", "--stdin", given=commit, deadline=deadline)
        options = [
            *("-c", "gpg.format=ssh", "-c", "gpg.ssh.program=ssh-keygen", "-c", "gpg.minTrustLevel=fully"),
            *("-c", f"gpg.ssh.allowedSignersFile={self._allowed_signers}"),
            # A PGP signature would be judged by somebody's keyring.
            *("-c", "gpg.program=false", "-c", "gpg.openpgp.program=false", "-c", "gpg.x509.program=false"),
        ]
        verified = self._git(folder, *options, "verify-commit", "--raw", commit_id, deadline=deadline)
        good = _GOOD.search(verified.stderr.decode("utf-8", errors="replace"))
        return good[1] if good is not None and verified.returncode == 0 else None

    def _open(self, commit_id: str, deadline: Deadline) -> Path:
        """The scratch repository for ids of this length, with the objects of the repository."""
        form = "sha256" if len(commit_id) == _SHA256_CHARACTERS else "sha1"
        folder = self._scratch / form
        if folder.exists():
            return folder
        made = self._git(folder, "init", "--quiet", "--bare", f"--object-format={form}", str(folder), deadline=deadline)
        if made.returncode:
            raise _unavailable("git cannot make a repository")
        if self._repository.is_file():
            unpacked = self._git(folder, "bundle", "unbundle", str(self._repository), deadline=deadline)
            if unpacked.returncode:
                raise _unusable(self._repository, "it is not a complete git bundle")
        else:
            self._borrow(folder)
        return folder

    def _borrow(self, folder: Path) -> None:
        """Let the scratch repository see the objects of the clone."""
        places = [self._repository / ".git" / "objects", self._repository / "objects"]
        found = next((place for place in places if place.is_dir()), None)
        if found is not None and str(found).isprintable():
            (folder / "objects" / "info" / "alternates").write_text(f"{found}\n")
        elif not (self._repository / _SAVED).is_dir():
            raise _unusable(self._repository, "it is neither a clone nor a bundle")

    def _git(
        self, folder: Path, *arguments: str, deadline: Deadline, given: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", *_quiet(), *arguments],
                input=given,
                capture_output=True,
                check=False,
                timeout=deadline.remaining("git"),
                cwd=self._scratch,
                env=_environment(self._scratch, folder),
            )
        except subprocess.TimeoutExpired as error:
            raise _unavailable("git did not end in time") from error
        except OSError as error:
            raise _unavailable(f"git cannot be run ({error.strerror})") from error


def _quiet() -> Sequence[str]:
    return ["-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never"]


def _environment(scratch: Path, folder: Path) -> dict[str, str]:
    """Nothing of the caller's environment but where programs are."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        "GIT_DIR": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _unusable(repository: Path, why: str) -> InvalidInput:
    return InvalidInput(
        "repository_unusable", f"{repository} cannot be used: {why}", remedy="name a clone, or a whole git bundle"
    )


def _unavailable(why: str) -> Unavailable:
    return Unavailable("git_unavailable", why, remedy="install git and openssh-client, and repeat with more time")
