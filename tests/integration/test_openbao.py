"""Keys in a real OpenBao: every kind signs, and every way to fail has its code."""

import base64
import os
import subprocess
from pathlib import Path

import pytest

from assay.bootstrap.keys import fetch_public_key, open_key_source, open_signer
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, ConfigError
from assay.domain.identity import Authority
from assay.domain.key_uri import TransitKey, parse_key_uri
from assay.formats.public_key import render_public_key
from assay.usecases.sign import sign_image
from assay.verification.message import Message
from assay.verification.signature import find_signer, trusted_keys
from demo.stack import TOOLS
from tests.fixtures.bao import BaoServer, bao, running_bao

__all__ = ["bao"]

KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048", "rsa-3072")


def uri(name: str) -> TransitKey:
    found = parse_key_uri(f"openbao://{name}")
    assert isinstance(found, TransitKey)
    return found


def refusal(server: BaoServer, name: str, **environment: str) -> str:
    with pytest.raises(AssayError) as caught:
        open_signer(uri(name), password=b"", environment={**server.environment(), **environment}).sign(b"m")
    assert server.token not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_key_signs(bao: BaoServer, kind: str) -> None:
    bao.make_key(f"kind-{kind}", kind)
    signer = open_signer(uri(f"kind-{kind}"), password=b"", environment=bao.environment())
    keys = trusted_keys([Authority(name="release", keys=(signer.public_key(),))])
    signature = signer.sign(b"message")
    assert find_signer(keys, message=Message(octets=b"message"), signature=signature)[0] == keys[0]
    assert fetch_public_key(uri(f"kind-{kind}"), password=bytes, environment=bao.environment()) == signer.public_key()


def test_an_image_is_signed_by_a_key_that_never_leaves_the_server(bao: BaoServer) -> None:
    bao.make_key("image")
    signer = open_signer(uri("image"), password=b"", environment=bao.environment())
    assert b"dsseEnvelope" in sign_image(signer, Digest.of(b"image"))


def test_a_rotated_key_is_another_key_for_whoever_comes_later(bao: BaoServer) -> None:
    bao.make_key("rotated")
    before = open_signer(uri("rotated"), password=b"", environment=bao.environment())
    first = before.public_key()
    bao.write("transit/keys/rotated/rotate")
    assert before.sign(b"m")  # still by version 1, which its public key belongs to
    assert before.public_key() == first
    after = open_signer(uri("rotated"), password=b"", environment=bao.environment())
    assert after.sign(b"m")
    assert after.public_key() != first
    source = open_key_source(uri("rotated"), environment=bao.environment())
    source.refresh()
    source.wait()
    assert source.public_key().key == after.public_key()


def test_a_version_that_may_no_longer_sign_is_refused(bao: BaoServer) -> None:
    bao.make_key("retired")
    signer = open_signer(uri("retired"), password=b"", environment=bao.environment())
    assert signer.sign(b"m")
    bao.write("transit/keys/retired/rotate")
    bao.write("transit/keys/retired/config", min_encryption_version=2)
    with pytest.raises(AssayError) as caught:
        signer.sign(b"m")
    assert caught.value.code == "kms_unavailable"


def test_a_revoked_token_is_denied(bao: BaoServer) -> None:
    bao.make_key("revoked")
    token = bao.write("auth/token/create", policies=["root"], ttl="1h")["auth"]["client_token"]
    signer = open_signer(uri("revoked"), password=b"", environment=bao.environment(token))
    assert signer.sign(b"m")
    bao.write("auth/token/revoke", token=token)
    with pytest.raises(AssayError) as caught:
        signer.sign(b"m")
    assert caught.value.code == "kms_denied"
    assert token not in str(caught.value)


def test_a_token_without_the_right_is_denied(bao: BaoServer) -> None:
    bao.make_key("private")
    token = bao.write("auth/token/create", policies=["default"])["auth"]["client_token"]
    assert refusal(bao, "private", BAO_TOKEN=token) == "kms_denied"


@pytest.mark.parametrize("kind", ["aes256-gcm96", "hmac"])
def test_a_key_that_does_not_sign_is_refused(bao: BaoServer, kind: str) -> None:
    bao.write(f"transit/keys/not-{kind}", type=kind, **({"key_size": 32} if kind == "hmac" else {}))
    assert refusal(bao, f"not-{kind}") == "key_unsupported"


def test_a_key_or_engine_that_is_not_there_is_named(bao: BaoServer) -> None:
    bao.make_key("there")
    assert refusal(bao, "absent") == "kms_key_unknown"
    assert refusal(bao, "there", TRANSIT_SECRET_ENGINE_PATH="elsewhere") == "kms_key_unknown"
    assert open_signer(uri("there"), password=b"", environment=bao.environment()).sign(b"m")


def test_another_mount_is_found_by_its_path(bao: BaoServer) -> None:
    bao.write("sys/mounts/team/transit", type="transit")
    bao.write("team/transit/keys/theirs", type="ecdsa-p256")
    environment = {**bao.environment(), "TRANSIT_SECRET_ENGINE_PATH": "team/transit"}
    assert open_signer(uri("theirs"), password=b"", environment=environment).sign(b"m")


def test_a_sealed_server_is_unavailable(tmp_path: Path) -> None:
    with running_bao(tmp_path / "sealed") as server:
        server.make_key("release")
        signer = open_signer(uri("release"), password=b"", environment=server.environment())
        assert signer.sign(b"m")
        server.write("sys/seal")
        with pytest.raises(AssayError) as caught:
            signer.sign(b"m")
        assert (caught.value.code, caught.value.retryable) == ("kms_unavailable", True)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("BAO_TOKEN", "", "kms_not_configured"),
        ("BAO_TOKEN", "two words", "kms_not_configured"),
        ("BAO_ADDR", "", "kms_not_configured"),
        ("BAO_ADDR", "http://vault.example", "kms_address_invalid"),
        ("TRANSIT_SECRET_ENGINE_PATH", "../sys", "kms_not_configured"),
    ],
)
def test_an_environment_that_cannot_be_meant_is_refused_before_anything_is_sent(
    name: str, value: str, code: str
) -> None:
    environment = {"BAO_ADDR": "https://vault.example", "BAO_TOKEN": "a-token", name: value}
    with pytest.raises(ConfigError) as caught:
        open_signer(uri("release"), password=b"", environment=environment)
    assert caught.value.code == code
    assert "a-token" not in str(caught.value)


def test_vault_reads_variables_of_its_own(bao: BaoServer) -> None:
    bao.make_key("vaults")
    environment = {name.replace("BAO", "VAULT"): value for name, value in bao.environment().items()}
    assert open_signer(parse_key_uri("hashivault://vaults"), password=b"", environment=environment).sign(b"m")


def test_a_deadline_that_has_passed_is_told(bao: BaoServer) -> None:
    from assay.adapters.kms.vault import TransitKeyService

    service = TransitKeyService.open(uri("release"), bao.environment())
    with pytest.raises(AssayError) as caught:
        service.fetch_key(Deadline(at=0, clock=lambda: 1.0))
    assert caught.value.code == "deadline_exceeded"


@pytest.mark.tools
def test_cosign_means_the_same_key_by_the_same_uri(bao: BaoServer, tmp_path: Path) -> None:
    bao.make_key("shared")
    variables = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.token}
    signer = open_signer(parse_key_uri("hashivault://shared"), password=b"", environment=variables)

    def cosign(*arguments: str) -> bytes:
        environment = {**os.environ, **variables, "HOME": str(tmp_path), "COSIGN_YES": "true"}
        command = [str(TOOLS / "cosign"), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True).stdout

    assert cosign("public-key", "--key", "hashivault://shared") == render_public_key(signer.public_key())
    (tmp_path / "blob").write_bytes(b"content")
    (tmp_path / "ours.sig").write_bytes(base64.b64encode(signer.sign(b"content")))
    verify = (
        "verify-blob",
        "--key",
        "hashivault://shared",
        "--insecure-ignore-tlog",
        "--signature",
        "ours.sig",
        "blob",
    )
    assert cosign(*verify) == b""
    offline = ("--tlog-upload=false", "--use-signing-config=false", "--new-bundle-format=false")
    cosign("sign-blob", "--key", "hashivault://shared", *offline, "--output-signature", "theirs.sig", "blob")
    theirs = base64.b64decode((tmp_path / "theirs.sig").read_bytes())
    keys = trusted_keys([Authority(name="release", keys=(signer.public_key(),))])
    assert find_signer(keys, message=Message(octets=b"content"), signature=theirs)[0] == keys[0]
