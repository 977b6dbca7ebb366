import pytest

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.identity import Authority, PublicKey
from assay.verification.signature import find_signer, trusted_keys
from tests.fakes.signing import ACCEPTED_KINDS, FakeAuthority


@pytest.mark.parametrize("kind", ACCEPTED_KINDS)
def test_a_signature_of_every_accepted_kind_verifies(kind: str) -> None:
    signer = FakeAuthority(kind=kind)
    keys = trusted_keys([signer.authority])
    assert find_signer(keys, message=b"m", signature=signer.sign(b"m")) is keys[0]


@pytest.mark.parametrize("kind", ACCEPTED_KINDS)
@pytest.mark.parametrize("signature", [b"", b"\x00" * 64, b"x" * 256, None])
def test_an_altered_signature_of_every_kind_is_invalid(kind: str, signature: bytes | None) -> None:
    signer = FakeAuthority(kind=kind)
    with pytest.raises(EvidenceRejected) as caught:
        find_signer(
            trusted_keys([signer.authority]),
            message=b"m",
            signature=signer.sign(b"other") if signature is None else signature,
        )
    assert caught.value.code == "signature_invalid"


def test_a_p256_signature_over_another_hash_is_invalid() -> None:
    signer = FakeAuthority(kind="p256-sha384")
    with pytest.raises(EvidenceRejected) as caught:
        find_signer(trusted_keys([signer.authority]), message=b"m", signature=signer.sign(b"m"))
    assert caught.value.code == "signature_invalid"


def test_the_signer_is_found_among_many_keys() -> None:
    signers = [FakeAuthority(name=kind, kind=kind) for kind in ACCEPTED_KINDS]
    keys = trusted_keys([signer.authority for signer in signers])
    for number, signer in enumerate(signers):
        assert find_signer(keys, message=b"m", signature=signer.sign(b"m")) is keys[number]


def test_no_configured_key_means_no_valid_signature() -> None:
    with pytest.raises(EvidenceRejected) as caught:
        find_signer(trusted_keys([]), message=b"m", signature=FakeAuthority().sign(b"m"))
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
