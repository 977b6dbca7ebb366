"""The signer process as it is started for real: with a key file, with a key service, killed in the middle."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from assay.adapters.signing.key_file import generate_key_pair
from assay.bootstrap.composition import SystemComposition
from assay.domain.digest import Digest
from assay.domain.errors import AssayError
from assay.formats.base64text import encode_base64
from assay.formats.public_key import parse_public_key
from assay.usecases.sign import attest, sign_image
from demo.stack import run_assay, start_process, stop_process
from tests.fakes.json_server import Call, serving
from tests.fakes.key_service import sign_digest, spki
from tests.fakes.signer_process import BUILDER

PATIENCE = 120.0
P256 = ec.generate_private_key(ec.SECP256R1())
IMAGE = Digest.of(b"image")
PROVENANCE = "https://slsa.dev/provenance/v1"
CONFIGURATION = f"""\
version: 1
socket: signer.sock
log: signatures.log
key: KEY
allow:
  predicate_types: [https://sigstore.dev/cosign/sign/v1, {PROVENANCE}]
  builders: [{BUILDER}]
"""


@contextmanager
def signer_process(folder: Path, key: str = "cosign.key", **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A signer that listens; it is ended at the end, if it still runs."""
    (folder / "signer.yaml").write_text(CONFIGURATION.replace("KEY", key))
    log = folder / "signer.log"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "assay", "signer", "serve", "--config", str(folder / "signer.yaml")]
    process = start_process(command, log, environment={"ASSAY_KEY_PASSWORD": "pa55", **environment})
    try:
        until = time.monotonic() + PATIENCE
        while "listens on" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        stop_process(process)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    private_pem, public_pem = generate_key_pair(b"pa55")
    (tmp_path / "cosign.key").write_bytes(private_pem)
    (tmp_path / "cosign.key").chmod(0o600)
    (tmp_path / "cosign.pub").write_bytes(public_pem)
    return tmp_path


def refusal(folder: Path) -> str:
    with pytest.raises(AssayError) as caught:
        sign_image(SystemComposition().signer_process(folder / "signer.sock"), IMAGE)
    return caught.value.code


def signature_of(call: Call) -> bytes:
    return sign_digest(P256, base64.b64decode(str(call.document["input"])))


def test_builds_are_signed_by_a_process_that_alone_holds_the_key(folder: Path) -> None:
    with signer_process(folder) as process:
        signer = SystemComposition().signer_process(folder / "signer.sock")
        assert signer.public_key() == parse_public_key((folder / "cosign.pub").read_bytes())
        assert b"dsseEnvelope" in sign_image(signer, IMAGE)
        predicate = {"buildDefinition": {"buildType": "t"}, "runDetails": {"builder": {"id": "https://other.test"}}}
        with pytest.raises(AssayError) as caught:
            attest(signer, name="n", digest=IMAGE, predicate_type=PROVENANCE, predicate=predicate)
        assert caught.value.code == "signing_refused"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert len((folder / "signatures.log").read_text().splitlines()) == 1
    assert not (folder / "signer.sock").exists()
    assert "pa55" not in (folder / "signer.log").read_text()


def test_a_second_signer_on_the_same_log_does_not_start(folder: Path) -> None:
    with signer_process(folder):
        config, password = str(folder / "signer.yaml"), {"ASSAY_KEY_PASSWORD": "pa55"}
        second = run_assay("signer", "serve", "--config", config, check=False, environment=password)
        assert (second.returncode, "signer_in_use" in second.stderr) == (2, True)


def test_a_signer_that_is_killed_in_the_middle_leaves_no_signature_and_starts_again(folder: Path) -> None:
    victims: list[int] = []

    def respond(call: Call) -> tuple[int, object]:
        if call.method == "GET":
            pem = spki(P256, Encoding.PEM).decode()
            keys = {"1": {"public_key": pem}}
            return 200, {"data": {"type": "ecdsa-p256", "latest_version": 1, "supports_signing": True, "keys": keys}}
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        return 200, {"data": {"signature": f"vault:v1:{encode_base64(signature_of(call))}"}}

    with serving(respond) as address:
        environment = {"BAO_ADDR": address, "BAO_TOKEN": "the-token"}
        with signer_process(folder, "openbao://release", **environment) as process:
            victims.append(process.pid)
            assert refusal(folder) == "signer_unavailable"
            assert process.wait(PATIENCE) == -signal.SIGKILL
        assert (folder / "signatures.log").read_text() == ""
        victims.clear()
        with signer_process(folder, "openbao://release", **environment):
            assert sign_image(SystemComposition().signer_process(folder / "signer.sock"), IMAGE)
    assert len((folder / "signatures.log").read_text().splitlines()) == 1
    assert "the-token" not in (folder / "signer.log").read_text()
