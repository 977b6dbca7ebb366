"""Key files are exchanged with real cosign, in both directions."""

import os
import subprocess
from pathlib import Path

import pytest

from assay.adapters.signing.key_file import KeyFileSigner, generate_key_pair
from assay.formats.public_key import parse_public_key

COSIGN = Path(__file__).parents[4] / ".tools" / "bin" / "cosign"

pytestmark = pytest.mark.tools


def cosign(folder: Path, *arguments: str, password: str) -> bytes:
    return subprocess.run(
        [COSIGN, *arguments],
        cwd=folder,
        env=os.environ | {"HOME": str(folder), "COSIGN_PASSWORD": password, "COSIGN_YES": "true"},
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_key_that_cosign_made_is_read(tmp_path: Path, password: str) -> None:
    cosign(tmp_path, "generate-key-pair", password=password)
    signer = KeyFileSigner.load(tmp_path / "cosign.key", password.encode())
    assert signer.public_key() == parse_public_key((tmp_path / "cosign.pub").read_bytes())


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_key_that_was_generated_here_is_read_by_cosign(tmp_path: Path, password: str) -> None:
    private_pem, public_pem = generate_key_pair(password.encode())
    (tmp_path / "cosign.key").write_bytes(private_pem)
    assert cosign(tmp_path, "public-key", "--key", "cosign.key", password=password) == public_pem


def test_cosign_verifies_a_signature_over_bytes(tmp_path: Path) -> None:
    private_pem, public_pem = generate_key_pair(b"")
    (tmp_path / "cosign.key").write_bytes(private_pem)
    (tmp_path / "cosign.key").chmod(0o600)
    (tmp_path / "cosign.pub").write_bytes(public_pem)
    (tmp_path / "blob").write_bytes(b"content")
    (tmp_path / "blob.sig").write_bytes(KeyFileSigner.load(tmp_path / "cosign.key", b"").sign(b"content"))
    arguments = ("--key", "cosign.pub", "--signature", "blob.sig", "--insecure-ignore-tlog", "blob")
    assert cosign(tmp_path, "verify-blob", *arguments, password="") == b""
