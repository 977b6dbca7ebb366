import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assay.domain.errors import InvalidInput
from assay.domain.identity import PublicKey
from assay.formats.pem import encode_pem
from assay.formats.public_key import load_verifying_key, parse_public_key, render_public_key
from tests.fakes.signing import FakeAuthority


def refusal(pem: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_public_key(pem)
    return caught.value.code


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "ed25519", "rsa2048"])
def test_an_accepted_key_is_read_back(kind: str) -> None:
    key = FakeAuthority(kind=kind).public_key()
    assert parse_public_key(render_public_key(key)) == key
    assert load_verifying_key(key)


@pytest.mark.parametrize("kind", ["p224", "secp256k1", "rsa1024"])
def test_a_weak_or_foreign_key_is_refused(kind: str) -> None:
    key = FakeAuthority(kind=kind).public_key()
    assert refusal(render_public_key(key)) == "key_unsupported"
    with pytest.raises(InvalidInput) as caught:
        load_verifying_key(key)
    assert caught.value.code == "key_unsupported"


def test_keys_of_other_algorithms_are_refused() -> None:
    for key in (
        ed448.Ed448PrivateKey.generate().public_key(),
        x25519.X25519PrivateKey.generate().public_key(),
        dsa.generate_private_key(2048).public_key(),
    ):
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert refusal(render_public_key(PublicKey(spki=spki))) == "key_unsupported"


def test_an_algorithm_nobody_knows_is_refused() -> None:
    spki = FakeAuthority().public_key().spki.replace(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0209"))
    assert refusal(encode_pem("PUBLIC KEY", spki)) == "key_unsupported"


def test_one_key_has_one_identity_however_it_is_encoded() -> None:
    key = load_verifying_key(FakeAuthority().public_key())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    header = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    assert parse_public_key(encode_pem("PUBLIC KEY", header + point)) == FakeAuthority().public_key()


@pytest.mark.parametrize("label", ["RSA PUBLIC KEY", "CERTIFICATE", "PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY"])
def test_another_kind_of_file_is_refused(label: str) -> None:
    assert refusal(encode_pem(label, b"x")) == "key_unsupported"


@pytest.mark.parametrize("tail", [b"", b"\x00"])
def test_bytes_that_are_no_key_are_malformed(tail: bytes) -> None:
    spki = FakeAuthority().public_key().spki
    assert refusal(encode_pem("PUBLIC KEY", (spki + tail) if tail else spki[:-1])) == "key_malformed"
    assert refusal(b"no PEM") == "key_malformed"
