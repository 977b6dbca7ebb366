import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.identity import Authority, PublicKey
from assay.formats.public_key import load_verifying_key
from assay.formats.untrusted_evidence import HashName
from assay.verification.message import Message
from assay.verification.signature import Scheme, find_scheme, find_signer, trusted_keys, verifies
from tests.fakes.certificate import private_key, sign, spki
from tests.fakes.signing import ACCEPTED_KINDS, FakeAuthority

MESSAGE = Message(octets=b"m")
DIGESTS = {name: hashlib.new(name.value, b"m").digest() for name in HashName}
SCHEMES = {
    "p256": Scheme(hash=HashName.SHA256, key_details="PKIX_ECDSA_P256_SHA_256"),
    "p384": Scheme(hash=HashName.SHA384, key_details="PKIX_ECDSA_P384_SHA_384"),
    "p384-sha256": Scheme(hash=HashName.SHA256, key_details="PKIX_ECDSA_P384_SHA_256"),
    "p521": Scheme(hash=HashName.SHA512, key_details="PKIX_ECDSA_P521_SHA_512"),
    "p521-sha256": Scheme(hash=HashName.SHA256, key_details="PKIX_ECDSA_P521_SHA_256"),
    "ed25519": Scheme(hash=HashName.SHA512, key_details="PKIX_ED25519"),
    "ed25519ph": Scheme(hash=HashName.SHA512, key_details="PKIX_ED25519_PH"),
    "rsa2048": Scheme(hash=HashName.SHA256, key_details="PKIX_RSA_PKCS1V15_2048_SHA256"),
}


def scheme(kind: str, message: Message = MESSAGE, declared: HashName | None = None) -> Scheme | None:
    key = private_key("scheme", kind)
    signature, _ = sign(key, kind, b"m")
    verifying = load_verifying_key(PublicKey(spki=spki(key)))
    return find_scheme(verifying, message=message, signature=signature, declared=declared)


def test_a_pss_signature_is_logged_under_its_own_name() -> None:
    key = private_key("scheme", "rsa2048")
    assert isinstance(key, rsa.RSAPrivateKey)
    pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
    verifying = load_verifying_key(PublicKey(spki=spki(key)))
    found = find_scheme(verifying, message=MESSAGE, signature=key.sign(b"m", pss, SHA256()))
    assert found == Scheme(hash=HashName.SHA256, key_details="PKIX_RSA_PSS_2048_SHA256")


@pytest.mark.parametrize("kind", ACCEPTED_KINDS)
def test_a_signature_of_every_accepted_kind_verifies(kind: str) -> None:
    signer = FakeAuthority(kind=kind)
    keys = trusted_keys([signer.authority])
    assert find_signer(keys, message=MESSAGE, signature=signer.sign(b"m"))[0] is keys[0]


@pytest.mark.parametrize("kind", ACCEPTED_KINDS)
@pytest.mark.parametrize("signature", [b"", b"\x00" * 64, b"x" * 256, None])
def test_an_altered_signature_of_every_kind_is_invalid(kind: str, signature: bytes | None) -> None:
    signer = FakeAuthority(kind=kind)
    with pytest.raises(EvidenceRejected) as caught:
        find_signer(
            trusted_keys([signer.authority]),
            message=MESSAGE,
            signature=signer.sign(b"other") if signature is None else signature,
        )
    assert caught.value.code == "signature_invalid"


def test_a_p256_signature_over_another_hash_is_invalid() -> None:
    signer = FakeAuthority(kind="p256-sha384")
    with pytest.raises(EvidenceRejected) as caught:
        find_signer(trusted_keys([signer.authority]), message=MESSAGE, signature=signer.sign(b"m"))
    assert caught.value.code == "signature_invalid"


def test_the_signer_is_found_among_many_keys() -> None:
    signers = [FakeAuthority(name=kind, kind=kind) for kind in ACCEPTED_KINDS]
    keys = trusted_keys([signer.authority for signer in signers])
    for number, signer in enumerate(signers):
        assert find_signer(keys, message=MESSAGE, signature=signer.sign(b"m"))[0] is keys[number]


def test_no_configured_key_means_no_valid_signature() -> None:
    with pytest.raises(EvidenceRejected) as caught:
        find_signer(trusted_keys([]), message=MESSAGE, signature=FakeAuthority().sign(b"m"))
    assert caught.value.code == "signature_invalid"


def test_a_key_counts_once_and_names_every_authority_that_holds_it() -> None:
    key, other = FakeAuthority("one").public_key(), FakeAuthority("two").public_key()
    keys = trusted_keys(
        [
            Authority(name="build", keys=(key, key)),
            Authority(name="release", keys=(other, key)),
            Authority(name="build", keys=(key,)),
        ]
    )
    assert [(trusted.key_id, trusted.authorities) for trusted in keys] == [
        (key.key_id, ("build", "release")),
        (other.key_id, ("release",)),
    ]


@pytest.mark.parametrize(("spki", "code"), [(b"x", "key_malformed"), (None, "key_unsupported")])
def test_an_authority_with_an_unusable_key_is_refused(spki: bytes | None, code: str) -> None:
    key = FakeAuthority(kind="p224").public_key() if spki is None else PublicKey(spki=spki)
    with pytest.raises(InvalidInput) as caught:
        trusted_keys([Authority(name="release", keys=(key,))])
    assert caught.value.code == code


@pytest.mark.parametrize("kind", SCHEMES)
def test_the_scheme_of_a_signature_names_hash_and_key(kind: str) -> None:
    assert scheme(kind) == SCHEMES[kind]


@pytest.mark.parametrize("kind", SCHEMES)
@pytest.mark.parametrize("declared", HashName)
def test_a_declared_hash_is_the_only_one_that_counts(kind: str, declared: HashName) -> None:
    expected = SCHEMES[kind] if SCHEMES[kind].hash is declared else None
    assert scheme(kind, declared=declared) == expected


@pytest.mark.parametrize("kind", SCHEMES)
@pytest.mark.parametrize("known", HashName)
def test_a_digest_suffices_where_the_signature_is_over_that_digest(kind: str, known: HashName) -> None:
    needs_octets = kind.startswith("ed25519")
    expected = SCHEMES[kind] if SCHEMES[kind].hash is known and not needs_octets else None
    assert scheme(kind, Message(known={known: DIGESTS[known]})) == expected


@pytest.mark.parametrize("octets", [0, 63, 64, 65, 10_000])
def test_an_ed25519ph_signature_of_any_length_never_raises(octets: int) -> None:
    key = load_verifying_key(FakeAuthority(kind="ed25519").public_key())
    assert find_scheme(key, message=MESSAGE, signature=bytes(octets)) is None


def test_a_log_never_signs_with_ed25519ph() -> None:
    key = private_key("log", "ed25519")
    verifying = load_verifying_key(PublicKey(spki=spki(key)))
    assert verifies(verifying, message=b"m", signature=sign(key, "ed25519", b"m")[0])
    assert not verifies(verifying, message=b"m", signature=sign(key, "ed25519ph", b"m")[0])
