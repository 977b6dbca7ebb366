import pytest
from cryptography.x509 import Certificate

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import AttestationClaim, Claim, EvidenceItem, EvidenceShape, Rejection, SignatureClaim
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE
from assay.formats.bundle import Vouchers
from assay.usecases.sign import Backing, KeyEvidenceSigner, attest, sign_image
from assay.verification.item import verify_item
from assay.verification.log_body import LoggedSignature
from tests.fakes.certificate import Leaf
from tests.fakes.judge import WORLD, trust
from tests.fakes.signing import FakeAuthority

IMAGE = Digest.of(b"image")
SIGNER = FakeAuthority("release")


def verify(bundle: bytes) -> Claim | Rejection:
    item = EvidenceItem(shape=EvidenceShape.BUNDLE, content=bundle)
    return verify_item(item, subject=IMAGE, authorities=[SIGNER.authority], limits=Limits())


def test_a_signed_image_verifies_with_its_annotations() -> None:
    claim = verify(sign_image(SIGNER, IMAGE, annotations=[("b", "2"), ("a", "1")]))
    assert isinstance(claim, SignatureClaim)
    assert claim.annotations == (("a", "1"), ("b", "2"))


def test_an_annotation_that_is_given_twice_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        sign_image(SIGNER, IMAGE, annotations=[("a", "1"), ("a", "2")])
    assert caught.value.code == "annotation_repeated"


def test_an_attestation_verifies_with_its_predicate() -> None:
    claim = verify(attest(SIGNER, name="demo", digest=IMAGE, predicate_type="https://t", predicate={"a": [1, "é"]}))
    assert isinstance(claim, AttestationClaim)
    assert (claim.predicate_type, claim.predicate) == ("https://t", {"a": [1, "é"]})


@pytest.mark.parametrize("predicate_type", ["", IMAGE_SIGNATURE])
def test_an_attestation_cannot_pose_as_an_image_signature(predicate_type: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        attest(SIGNER, name="demo", digest=IMAGE, predicate_type=predicate_type, predicate={})
    assert caught.value.code == "predicate_type_unusable"


def test_a_predicate_without_json_form_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        attest(SIGNER, name="demo", digest=IMAGE, predicate_type="https://t", predicate={"a": float("inf")})
    assert caught.value.code == "predicate_malformed"


class Mute:
    """A witness that is asked nothing."""

    def vouch(self, logged: LoggedSignature) -> Vouchers:
        raise AssertionError(logged)


def backed(signer: FakeAuthority, certificate: Certificate | None = None) -> KeyEvidenceSigner:
    return KeyEvidenceSigner(signer, Backing(witness=Mute(), root=trust(WORLD), certificate=certificate))


class Forger(FakeAuthority):
    def sign(self, message: bytes) -> bytes:
        return super().sign(message + b"!")


def test_nobody_is_asked_to_vouch_for_a_signature_of_another_key() -> None:
    with pytest.raises(InvalidInput) as caught:
        backed(Forger("release")).sign_message(b"message")
    assert caught.value.code == "evidence_unverified"
    with pytest.raises(AssertionError):
        backed(SIGNER).sign_message(b"message")


def test_a_certificate_names_the_one_who_has_to_be_trusted() -> None:
    (rule,) = backed(SIGNER, WORLD.authority.issue(WORLD.leaf)).authority().identities
    assert "https://" in str(rule.document())
    with pytest.raises(InvalidInput) as caught:
        backed(SIGNER, WORLD.authority.issue(Leaf(san=()))).authority()
    assert caught.value.code == "evidence_unverified"
