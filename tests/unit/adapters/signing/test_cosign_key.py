"""Key files are exchanged with real cosign, in both directions."""

import base64
import os
import subprocess
from pathlib import Path

import pytest

from assay.adapters.signing.key_file import KeyFileSigner, generate_key_pair
from assay.domain.key_kind import KeyKind
from assay.formats.pem import encode_pem
from assay.formats.public_key import load_verifying_key, parse_public_key
from assay.formats.signing_key import encode_signing_key, parse_signing_key, public_half
from assay.verification.message import Message
from assay.verification.signature import find_scheme

COSIGN = Path(__file__).parents[4] / ".tools" / "bin" / "cosign"

KINDS = (KeyKind.ECDSA_P256, KeyKind.ECDSA_P384, KeyKind.ECDSA_P521, KeyKind.ED25519, KeyKind.RSA_2048)
VERIFY = ("verify-blob", "--key", "cosign.pub", "--signature", "blob.sig", "--insecure-ignore-tlog")
SIGN = (
    *("sign-blob", "--key", "cosign.key", "--tlog-upload=false", "--use-signing-config=false"),
    *("--new-bundle-format=false", "--output-signature", "blob.sig"),
)

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
@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_was_generated_here_is_read_by_cosign(tmp_path: Path, kind: KeyKind, password: str) -> None:
    private_pem, public_pem = generate_key_pair(password.encode(), kind)
    (tmp_path / "cosign.key").write_bytes(private_pem)
    assert cosign(tmp_path, "public-key", "--key", "cosign.key", password=password) == public_pem


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_cosign_imported_is_read(tmp_path: Path, kind: KeyKind) -> None:
    private_pem, _ = generate_key_pair(b"", kind)
    key = parse_signing_key(private_pem, b"")
    (tmp_path / "in.pem").write_bytes(encode_pem("PRIVATE KEY", encode_signing_key(key)))
    cosign(tmp_path, "import-key-pair", "--key", "in.pem", password="secret")
    assert KeyFileSigner.load(tmp_path / "import-cosign.key", b"secret").public_key() == public_half(key)


# cosign 3.1 signs with P-384 and P-521 under the curve's own hash, as we do, and verifies only SHA-256 under a key:
# it does not accept its own signatures either, so there is nothing to agree on.
@pytest.mark.parametrize("kind", [KeyKind.ECDSA_P256, KeyKind.ED25519, KeyKind.RSA_2048])
def test_cosign_verifies_a_signature_over_bytes(tmp_path: Path, kind: KeyKind) -> None:
    private_pem, public_pem = generate_key_pair(b"", kind)
    (tmp_path / "cosign.key").write_bytes(private_pem)
    (tmp_path / "cosign.key").chmod(0o600)
    (tmp_path / "cosign.pub").write_bytes(public_pem)
    (tmp_path / "blob").write_bytes(b"content")
    signature = KeyFileSigner.load(tmp_path / "cosign.key", b"").sign(b"content")
    (tmp_path / "blob.sig").write_bytes(base64.b64encode(signature))
    assert cosign(tmp_path, *VERIFY, "blob", password="") == b""


@pytest.mark.parametrize("kind", KINDS)
def test_what_cosign_signs_with_a_key_of_ours_verifies(tmp_path: Path, kind: KeyKind) -> None:
    private_pem, public_pem = generate_key_pair(b"", kind)
    (tmp_path / "cosign.key").write_bytes(private_pem)
    (tmp_path / "blob").write_bytes(b"content")
    cosign(tmp_path, *SIGN, "blob", password="")
    signature = base64.b64decode((tmp_path / "blob.sig").read_bytes())
    key = load_verifying_key(parse_public_key(public_pem))
    assert find_scheme(key, message=Message(octets=b"content"), signature=signature) is not None
    assert find_scheme(key, message=Message(octets=b"another"), signature=signature) is None
