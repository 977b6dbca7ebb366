import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from assay.adapters.signing.key_file import KeyFileSigner, generate_key_pair, load_any_public_key
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.identity import Authority
from assay.domain.key_kind import KeyKind
from assay.formats.private_key import encrypt_private_key
from assay.formats.public_key import parse_public_key
from assay.verification.message import Message
from assay.verification.signature import find_signer, trusted_keys

P256 = ec.generate_private_key(ec.SECP256R1())


def write(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "cosign.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = P256,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


def refusal(path: Path, password: bytes = b"") -> str:
    with pytest.raises((ConfigError, InvalidInput)) as caught:
        KeyFileSigner.load(path, password)
    return caught.value.code


@pytest.mark.parametrize("password", [b"", b"secret"])
def test_a_generated_key_pair_signs_and_verifies(tmp_path: Path, password: bytes) -> None:
    private_pem, public_pem = generate_key_pair(password)
    signer = KeyFileSigner.load(write(tmp_path, private_pem), password)
    public_key = parse_public_key(public_pem)
    assert signer.public_key() == public_key
    keys = trusted_keys([Authority(name="release", keys=(public_key,))])
    assert find_signer(keys, message=Message(octets=b"m"), signature=signer.sign(b"m"))[0] == keys[0]


def test_two_generated_keys_differ() -> None:
    assert generate_key_pair(b"")[1] != generate_key_pair(b"")[1]


def test_an_unencrypted_key_is_read_without_looking_at_the_password(tmp_path: Path) -> None:
    assert KeyFileSigner.load(write(tmp_path, pem()), b"unused").sign(b"m")


def test_an_encrypted_key_of_the_old_inner_form_is_read(tmp_path: Path) -> None:
    sec1 = P256.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    encrypted = encrypt_private_key(sec1, b"", salt=bytes(32), nonce=bytes(24))
    plain = KeyFileSigner.load(write(tmp_path, pem()), b"")
    assert KeyFileSigner.load(write(tmp_path, encrypted), b"").public_key() == plain.public_key()


def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, generate_key_pair(b"right")[0]), b"wrong") == "key_password_wrong"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_key_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    assert refusal(write(tmp_path, pem(), mode)) == "key_file_exposed"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_file_for_its_owner_alone_is_read(tmp_path: Path, mode: int) -> None:
    assert KeyFileSigner.load(write(tmp_path, pem(), mode), b"")


def test_what_is_no_readable_file_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    assert refusal(tmp_path / "absent") == "key_file_unreadable"
    assert refusal(tmp_path) == "key_file_unreadable"
    assert refusal(pipe) == "key_file_unreadable"
    assert refusal(write(tmp_path, b"x" * (64 * 1024 + 1))) == "key_file_unreadable"


@pytest.mark.parametrize("kind", [kind for kind in KeyKind if kind not in {KeyKind.RSA_3072, KeyKind.RSA_4096}])
def test_every_kind_of_key_signs_and_survives_its_file(tmp_path: Path, kind: KeyKind) -> None:
    private_pem, public_pem = generate_key_pair(b"", kind)
    signer = KeyFileSigner.load(write(tmp_path, private_pem), b"")
    assert signer.public_key() == parse_public_key(public_pem)
    keys = trusted_keys([Authority(name="release", keys=(signer.public_key(),))])
    assert find_signer(keys, message=Message(octets=b"m"), signature=signer.sign(b"m"))


def test_an_ed25519_key_signs_prehashed_where_that_is_asked_for() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    signer = KeyFileSigner(key, prehashed=True)
    keys = trusted_keys([Authority(name="release", keys=(signer.public_key(),))])
    _, scheme = find_signer(keys, message=Message(octets=b"m"), signature=signer.sign(b"m"))
    assert scheme.key_details == "PKIX_ED25519_PH"
    _, scheme = find_signer(keys, message=Message(octets=b"m"), signature=KeyFileSigner(key).sign(b"m"))
    assert scheme.key_details == "PKIX_ED25519"


def test_an_encrypted_key_of_the_usual_form_is_read(tmp_path: Path) -> None:
    encrypted = write(tmp_path, pem(encryption=BestAvailableEncryption(b"x")))
    assert KeyFileSigner.load(encrypted, b"x").public_key() == KeyFileSigner(P256).public_key()
    assert refusal(encrypted, b"y") == "key_password_wrong"


def test_the_public_half_of_any_file_is_found(tmp_path: Path) -> None:
    private_pem, public_pem = generate_key_pair(b"pa55")
    private = write(tmp_path, private_pem)
    (tmp_path / "cosign.pub").write_bytes(public_pem)

    def never() -> bytes:
        raise AssertionError("a public key needs no password")

    from_private = load_any_public_key(private, lambda: b"pa55")
    assert from_private == load_any_public_key(tmp_path / "cosign.pub", never)


def test_another_form_or_no_key_at_all_is_refused(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, pem(form=PrivateFormat.TraditionalOpenSSL))) == "key_unsupported"
    assert refusal(write(tmp_path, b"no PEM")) == "key_malformed"
