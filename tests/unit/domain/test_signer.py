import pytest

from assay.domain.digest import Digest
from assay.domain.signer import KeySigner, SignerIdentity

IDENTITY = SignerIdentity(issuer="https://issuer.test", san="dev@example.test", san_type="email")


def test_a_key_counts_under_its_own_id() -> None:
    signer = KeySigner(key_id=Digest.of(b"key"))
    assert signer.id == Digest.of(b"key")
    assert str(signer) == f"key {Digest.of(b'key').hex[:12]}"


def test_an_identity_counts_once_whatever_its_certificate_says_besides() -> None:
    other = SignerIdentity(
        issuer=IDENTITY.issuer, san=IDENTITY.san, san_type=IDENTITY.san_type, extensions={"build_trigger": "push"}
    )
    assert other.id == IDENTITY.id
    assert str(IDENTITY) == "dev@example.test (https://issuer.test)"


@pytest.mark.parametrize(
    "other",
    [
        SignerIdentity(issuer="https://other.test", san="dev@example.test", san_type="email"),
        SignerIdentity(issuer="https://issuer.test", san="ops@example.test", san_type="email"),
        SignerIdentity(issuer="https://issuer.test", san="dev@example.test", san_type="other_name"),
        SignerIdentity(issuer="", san="dev@example.test", san_type="email"),
    ],
)
def test_issuer_subject_and_its_type_make_the_identity(other: SignerIdentity) -> None:
    assert other.id != IDENTITY.id


def test_an_identity_without_issuer_is_named_by_its_subject() -> None:
    assert str(SignerIdentity(issuer="", san="https://dotcom.test", san_type="uri")) == "https://dotcom.test"


@pytest.mark.parametrize(("san", "san_type"), [("", "email"), ("dev@example.test", "")])
def test_an_identity_needs_a_subject_and_its_type(san: str, san_type: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        SignerIdentity(issuer="https://issuer.test", san=san, san_type=san_type)
