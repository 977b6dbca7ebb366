"""A git repository with one signed and one unsigned commit, made by git and ssh-keygen."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SIGNER = "alice@sigstore.test"


@dataclass(frozen=True, kw_only=True)
class GitHistory:
    """A clone; `signed` and `unsigned` are commits, `allowed_signers` names the signer's key."""

    folder: Path
    signed: str
    unsigned: str
    allowed_signers: Path

    def git(self, *arguments: str) -> str:
        """Run git in the clone."""
        return run_git(self.folder, *arguments)

    def bundle(self) -> Path:
        """A bundle of everything."""
        path = self.folder.with_suffix(".bundle")
        self.git("bundle", "create", "--quiet", str(path), "--all")
        return path


def run_git(folder: Path, *arguments: str) -> str:
    """Run git with the identity of the signer and no configuration but the repository's."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _PERSON.items()},
    }
    completed = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.strip()


_PERSON = {"NAME": "Alice", "EMAIL": SIGNER, "DATE": "2026-11-20T12:00:00Z"}


def make_history(parent: Path, *, form: str = "sha1") -> GitHistory:
    """Make it below `parent`; `form` is the hash of the repository."""
    folder, key = parent / "clone", parent / "signing-key"
    folder.mkdir()
    keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
    subprocess.run(keygen, check=True, capture_output=True, timeout=60)
    allowed_signers = parent / "allowed_signers"
    allowed_signers.write_text(f'{SIGNER} namespaces="git" {key.with_suffix(".pub").read_text()}')
    run_git(folder, "init", "--quiet", f"--object-format={form}", "--initial-branch=main")
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}")
    run_git(folder, *signing, "commit", "--quiet", "--allow-empty", "-S", "-m", "signed")
    signed = run_git(folder, "rev-parse", "HEAD")
    run_git(folder, "commit", "--quiet", "--allow-empty", "-m", "unsigned")
    unsigned = run_git(folder, "rev-parse", "HEAD")
    return GitHistory(folder=folder, signed=signed, unsigned=unsigned, allowed_signers=allowed_signers)
