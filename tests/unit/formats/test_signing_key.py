import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from assay.domain.errors import InvalidInput
from assay.domain.signature_algorithm import SignatureAlgorithm
from assay.formats.pem import encode_pem
from assay.formats.private_key import encrypt_private_key
from assay.formats.signing_key import (
    SigningKey,
    encode_signing_key,
    is_private_key,
    parse_signing_key,
    public_half,
    signature_algorithm,
)
from tests.fakes.der import integer, null, object_identifier, octet_string, sequence

P256 = ec.generate_private_key(ec.SECP256R1())
DER = encode_signing_key(P256)
ENCRYPTED = P256.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"pa55"))
AES = "2.16.840.1.101.3.4.1.42"
PBES2, PBKDF2, SCRYPT = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"


def refusal(pem: bytes, password: bytes = b"") -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_signing_key(pem, password)
    return caught.value.code


def plain(key: object) -> bytes:
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def protected(scheme: str = PBES2, derivation: str = PBKDF2, rounds: int = 2048) -> bytes:
    """An EncryptedPrivateKeyInfo around nothing."""
    parameters = sequence(
        octet_string(b"saltsalt"), integer(rounds), sequence(object_identifier("1.2.840.113549.2.9"), null())
    )
    encryption = sequence(object_identifier(AES), octet_string(bytes(16)))
    algorithm = sequence(
        object_identifier(scheme), sequence(sequence(object_identifier(derivation), parameters), encryption)
    )
    return sequence(algorithm, octet_string(bytes(32)))


@pytest.mark.parametrize(
    ("label", "content", "password"),
    [
        ("PRIVATE KEY", DER, b"unused"),
        ("ENCRYPTED PRIVATE KEY", ENCRYPTED, b"pa55"),
    ],
)
def test_a_key_is_read_from_its_forms(label: str, content: bytes, password: bytes) -> None:
    pem = encode_pem(label, content)
    assert is_private_key(pem)
    assert public_half(parse_signing_key(pem, password)) == public_half(P256)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_of_cosign_holds_either_form(form: PrivateFormat) -> None:
    inner = P256.private_bytes(Encoding.DER, form, NoEncryption())
    pem = encrypt_private_key(inner, b"pa55", salt=bytes(32), nonce=bytes(24))
    assert is_private_key(pem)
    assert public_half(parse_signing_key(pem, b"pa55")) == public_half(P256)
    assert refusal(pem, b"wrong") == "key_password_wrong"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (P256, SignatureAlgorithm.ECDSA_P256_SHA256),
        (ec.generate_private_key(ec.SECP384R1()), SignatureAlgorithm.ECDSA_P384_SHA384),
        (ec.generate_private_key(ec.SECP521R1()), SignatureAlgorithm.ECDSA_P521_SHA512),
        (ed25519.Ed25519PrivateKey.generate(), SignatureAlgorithm.ED25519),
        (rsa.generate_private_key(65537, 2048), SignatureAlgorithm.RSA_PKCS1_SHA256),
    ],
)
def test_every_accepted_key_has_its_algorithm(key: SigningKey, algorithm: SignatureAlgorithm) -> None:
    parsed = parse_signing_key(encode_pem("PRIVATE KEY", encode_signing_key(key)), b"")
    assert signature_algorithm(public_half(parsed)) is algorithm


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP224R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 1024),  # noqa: S505  # that is what is refused
        dsa.generate_private_key(2048),
    ],
)
def test_a_key_whose_signatures_nobody_accepts_is_unsupported(key: object) -> None:
    assert refusal(plain(key)) == "key_unsupported"
    assert parse_signing_key(plain(P256), b"")


def test_an_algorithm_nobody_knows_is_unsupported() -> None:
    unknown = DER.replace(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0209"))
    assert refusal(encode_pem("PRIVATE KEY", unknown)) == "key_unsupported"


@pytest.mark.parametrize("label", ["EC PRIVATE KEY", "PUBLIC KEY", "CERTIFICATE"])
def test_another_form_is_unsupported(label: str) -> None:
    pem = encode_pem(label, DER)
    assert refusal(pem) == "key_unsupported"
    assert not is_private_key(pem)


@pytest.mark.parametrize("content", [b"x", ENCRYPTED, b""])
def test_bytes_that_are_no_key_are_malformed(content: bytes) -> None:
    assert refusal(encode_pem("PRIVATE KEY", content)) == "key_malformed"


@pytest.mark.parametrize(
    "content", [b"", b"x", sequence(), sequence(sequence()), octet_string(b""), sequence(octet_string(b""))]
)
def test_an_encrypted_key_without_its_parameters_is_malformed(content: bytes) -> None:
    assert refusal(encode_pem("ENCRYPTED PRIVATE KEY", content)) == "key_malformed"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (protected(), "key_password_wrong"),
        (protected(rounds=10_000_001), "key_unsupported"),
        (protected(rounds=2**40), "key_unsupported"),
        (protected(rounds=0), "key_unsupported"),
        (protected(scheme="1.2.840.113549.1.5.3"), "key_unsupported"),
        (protected(derivation=SCRYPT), "key_unsupported"),
    ],
)
def test_a_file_cannot_ask_for_hours_of_work(content: bytes, code: str) -> None:
    assert refusal(encode_pem("ENCRYPTED PRIVATE KEY", content), b"x") == code


def test_a_wrong_password_is_told() -> None:
    assert refusal(encode_pem("ENCRYPTED PRIVATE KEY", ENCRYPTED), b"wrong") == "key_password_wrong"
