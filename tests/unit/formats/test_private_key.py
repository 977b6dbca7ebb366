import json
from typing import Any

import pytest

from assay.domain.errors import InvalidInput
from assay.formats.pem import decode_pem, encode_pem
from assay.formats.private_key import decrypt_private_key, encrypt_private_key
from tests.fakes.signing import Edit

LABEL = "ENCRYPTED SIGSTORE PRIVATE KEY"
PEM = encrypt_private_key(b"the key", b"password", salt=bytes(32), nonce=bytes(24))


def edited(edit: Edit, label: str = LABEL) -> bytes:
    document: dict[str, Any] = json.loads(decode_pem(PEM, what="the key")[1])
    edit(document)
    return encode_pem(label, json.dumps(document).encode())


def refusal(pem: bytes, password: bytes = b"password") -> str:
    with pytest.raises(InvalidInput) as caught:
        decrypt_private_key(pem, password)
    assert "password" not in caught.value.message or caught.value.code == "key_password_wrong"
    return caught.value.code


@pytest.mark.parametrize("label", [LABEL, "ENCRYPTED COSIGN PRIVATE KEY"])
def test_an_encrypted_key_opens_with_its_password(label: str) -> None:
    assert decrypt_private_key(edited(lambda _: None, label), b"password") == b"the key"


def test_the_empty_password_is_legal() -> None:
    pem = encrypt_private_key(b"the key", b"", salt=bytes(32), nonce=bytes(24))
    assert decrypt_private_key(pem, b"") == b"the key"


def test_another_password_is_refused() -> None:
    assert refusal(PEM, b"Password") == "key_password_wrong"


@pytest.mark.parametrize("ciphertext", ["", "eA==", "A" * 64])
def test_an_altered_ciphertext_does_not_open(ciphertext: str) -> None:
    assert refusal(edited(lambda document: document.update(ciphertext=ciphertext))) == "key_password_wrong"


@pytest.mark.parametrize("cost", [2**20, 2**18, 2**14, 0, 1, -1, True, "65536", None, 65536.5])
def test_another_cost_is_refused_before_memory_is_taken(cost: object) -> None:
    assert refusal(edited(lambda document: document["kdf"]["params"].update(N=cost))) == "key_unsupported"


@pytest.mark.parametrize("cost", [2**15, 2**17])
def test_the_other_costs_in_use_are_tried(cost: int) -> None:
    assert refusal(edited(lambda document: document["kdf"]["params"].update(N=cost))) == "key_password_wrong"


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: document["kdf"]["params"].update(r=16),
        lambda document: document["kdf"]["params"].update(p=2),
        lambda document: document["kdf"].update(name="argon2"),
        lambda document: document["cipher"].update(name="aes-gcm"),
    ],
)
def test_another_cipher_or_cost_parameter_is_refused(edit: Edit) -> None:
    assert refusal(edited(edit)) == "key_unsupported"


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: document.update(extra=1),
        lambda document: document.pop("cipher"),
        lambda document: document.update(kdf=[]),
        lambda document: document["kdf"].pop("params"),
        lambda document: document["kdf"]["params"].update(extra=1),
        lambda document: document["kdf"].update(salt="eA=="),
        lambda document: document["kdf"].update(salt=1),
        lambda document: document["cipher"].update(nonce="eA=="),
        lambda document: document.update(ciphertext="?"),
        lambda document: document.update(ciphertext=None),
    ],
)
def test_a_file_of_another_form_is_malformed(edit: Edit) -> None:
    assert refusal(edited(edit)) == "key_malformed"


def test_what_is_no_encrypted_key_is_refused() -> None:
    assert refusal(b"no PEM") == "key_malformed"
    assert refusal(encode_pem("PRIVATE KEY", b"x")) == "key_unsupported"
    assert refusal(encode_pem(LABEL, b"{")) == "key_malformed"
