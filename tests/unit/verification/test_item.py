from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import AttestationClaim, Claim, EvidenceItem, EvidenceShape, Rejection, SignatureClaim
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.domain.signer import KeySigner
from assay.domain.statement import IMAGE_SIGNATURE, STATEMENT_V01
from assay.verification.item import verify_item
from tests.fakes.certificate import FakeCertificateAuthority, Leaf
from tests.fakes.signing import FakeAuthority

IMAGE = Digest.of(b"image")
OTHER = Digest.of(b"other image")
RELEASE = FakeAuthority("release")
STRANGER = FakeAuthority("stranger")
LEAF = FakeCertificateAuthority().issue(Leaf()).public_bytes(Encoding.PEM).decode()
PROVENANCE = "https://slsa.dev/provenance/v1"


def verify(item: EvidenceItem, *, subject: Digest = IMAGE, limits: Limits | None = None) -> Claim | Rejection:
    return verify_item(item, subject=subject, authorities=[RELEASE.authority], limits=limits or Limits())


def code(item: EvidenceItem) -> str:
    outcome = verify(item)
    assert isinstance(outcome, Rejection)
    assert outcome.id == item.digest
    return outcome.code


def test_a_bundle_of_an_image_signature_becomes_a_signature_claim() -> None:
    item = RELEASE.bundle_item(IMAGE, annotations={"env": "prod"})
    assert verify(item) == SignatureClaim(
        item=item.digest,
        bound_to=IMAGE,
        format="bundle",
        signer=KeySigner(key_id=RELEASE.public_key().key_id),
        authorities=("release",),
        annotations=(("env", "prod"),),
    )


def test_a_legacy_signature_becomes_a_signature_claim() -> None:
    item = RELEASE.legacy_signature(IMAGE, annotations={"env": "prod"})
    assert verify(item) == SignatureClaim(
        item=item.digest,
        bound_to=IMAGE,
        format="cosign",
        signer=KeySigner(key_id=RELEASE.public_key().key_id),
        authorities=("release",),
        annotations=(("env", "prod"),),
    )


def test_a_bundle_of_another_predicate_type_becomes_an_attestation_claim() -> None:
    item = RELEASE.bundle_item(IMAGE, predicate_type=PROVENANCE, predicate={"a": [1]})
    assert verify(item) == AttestationClaim(
        item=item.digest,
        bound_to=IMAGE,
        predicate_type=PROVENANCE,
        subjects=(IMAGE,),
        format="bundle",
        signer=KeySigner(key_id=RELEASE.public_key().key_id),
        authorities=("release",),
        predicate={"a": [1]},
    )


def test_a_legacy_attestation_becomes_an_attestation_claim() -> None:
    item = RELEASE.legacy_attestation(
        IMAGE, predicate_type=PROVENANCE, statement=lambda document: document.update(_type=STATEMENT_V01)
    )
    claim = verify(item)
    assert isinstance(claim, AttestationClaim)
    assert (claim.format, claim.predicate_type) == ("cosign", PROVENANCE)


def test_two_subjects_of_which_one_matches_pass_with_the_annotations_of_that_one() -> None:
    other = {"digest": {"sha256": OTHER.hex}, "annotations": {"env": "dev"}}
    item = RELEASE.bundle_item(
        IMAGE, annotations={"env": "prod"}, statement=lambda document: document["subject"].insert(0, other)
    )
    claim = verify(item)
    assert isinstance(claim, SignatureClaim)
    assert claim.annotations == (("env", "prod"),)


def test_an_attestation_reports_every_subject() -> None:
    other = {"name": "second", "digest": {"sha256": OTHER.hex}}
    item = RELEASE.bundle_item(
        IMAGE, predicate_type=PROVENANCE, statement=lambda document: document["subject"].append(other)
    )
    claim = verify(item)
    assert isinstance(claim, AttestationClaim)
    assert claim.subjects == (IMAGE, OTHER)


Mint = Callable[..., EvidenceItem]
SHAPES: list[Mint] = [
    RELEASE.bundle_item,
    RELEASE.legacy_signature,
    lambda digest, **parts: RELEASE.legacy_attestation(digest, predicate_type=PROVENANCE, **parts),
]
STRANGERS: list[Mint] = [
    STRANGER.bundle_item,
    STRANGER.legacy_signature,
    lambda digest: STRANGER.legacy_attestation(digest, predicate_type=PROVENANCE),
]


@pytest.mark.parametrize(("own", "foreign"), list(zip(SHAPES, STRANGERS, strict=True)))
def test_a_signature_by_another_key_is_invalid_in_every_shape(own: Mint, foreign: Mint) -> None:
    assert code(foreign(IMAGE)) == "signature_invalid"
    assert not isinstance(verify(own(IMAGE)), Rejection)


@pytest.mark.parametrize("mint", SHAPES)
def test_evidence_of_another_image_is_a_subject_mismatch_in_every_shape(mint: Mint) -> None:
    item = mint(OTHER)
    assert code(item) == "subject_mismatch"
    assert not isinstance(verify(item, subject=OTHER), Rejection)


@pytest.mark.parametrize("mint", SHAPES)
def test_a_payload_changed_after_signing_is_invalid_in_every_shape(mint: Mint) -> None:
    item = mint(OTHER, forged_payload=lambda octets: octets.replace(OTHER.hex.encode(), IMAGE.hex.encode()))
    assert code(item) == "signature_invalid"


@pytest.mark.parametrize("mint", SHAPES)
def test_size_is_refused_one_byte_beyond_the_limit_in_every_shape(mint: Mint) -> None:
    item = mint(IMAGE)
    size = len(item.content)
    assert not isinstance(verify(item, limits=Limits(blob_octets=size)), Rejection)
    outcome = verify(item, limits=Limits(blob_octets=size - 1))
    assert isinstance(outcome, Rejection)
    assert outcome.code == "evidence_limit"


@pytest.mark.parametrize("mint", SHAPES[1:])
def test_legacy_evidence_with_a_certificate_is_not_that_of_a_key(mint: Mint) -> None:
    assert code(mint(IMAGE, certificate=LEAF)) == "identity_mismatch"
    assert code(mint(IMAGE, certificate="x")) == "bundle_malformed"
    assert not isinstance(verify(mint(IMAGE)), Rejection)


@pytest.mark.parametrize("signature", ["", "x", "MEUC IQ=="])
def test_a_signature_annotation_that_is_no_signature_is_rejected(signature: str) -> None:
    expected = "bundle_malformed" if signature else "signature_invalid"
    assert code(RELEASE.legacy_signature(IMAGE, signature=lambda _: signature)) == expected


def test_an_attestation_where_a_signature_belongs_and_the_reverse_are_rejected() -> None:
    signed = RELEASE.legacy_attestation(IMAGE, predicate_type=IMAGE_SIGNATURE)
    assert code(signed) == "predicate_type_mismatch"
    attested = RELEASE.legacy_attestation(IMAGE, predicate_type=PROVENANCE)
    as_signature = EvidenceItem(shape=EvidenceShape.LEGACY_SIGNATURE, content=attested.content)
    assert code(as_signature) == "signature_invalid"


def test_a_simple_signing_payload_of_another_type_is_a_type_mismatch() -> None:
    item = RELEASE.legacy_signature(IMAGE, document=lambda document: document["critical"].update(type="atomic"))
    assert code(item) == "predicate_type_mismatch"


def test_an_envelope_of_another_payload_type_is_a_type_mismatch_when_it_is_signed() -> None:
    assert code(RELEASE.bundle_item(IMAGE, payload_type="application/json")) == "predicate_type_mismatch"
    swapped = RELEASE.bundle_item(IMAGE, envelope=lambda envelope: envelope.update(payloadType="application/json"))
    assert code(swapped) == "signature_invalid"


def test_the_first_failing_step_gives_the_code() -> None:
    def foreign_type(document: dict[str, object]) -> None:
        document.update(predicateType=IMAGE_SIGNATURE)

    wrong_subject_and_type = RELEASE.legacy_attestation(OTHER, statement=foreign_type)
    assert code(wrong_subject_and_type) == "subject_mismatch"
    also_unsigned = STRANGER.legacy_attestation(OTHER, statement=foreign_type)
    assert code(also_unsigned) == "signature_invalid"
    also_unreadable = STRANGER.bundle_item(OTHER, bundle=lambda bundle: bundle.update(extra=1))
    assert code(also_unreadable) == "bundle_malformed"


def test_a_payload_is_not_parsed_before_its_signature_verified() -> None:
    assert code(STRANGER.bundle_item(IMAGE, payload=lambda _: b"{")) == "signature_invalid"
    assert code(RELEASE.bundle_item(IMAGE, payload=lambda _: b"{")) == "bundle_malformed"


def test_without_authorities_nothing_is_claimed() -> None:
    outcome = verify_item(RELEASE.bundle_item(IMAGE), subject=IMAGE, authorities=[], limits=Limits())
    assert isinstance(outcome, Rejection)
    assert outcome.code == "identity_mismatch"


def test_an_authority_with_an_unusable_key_is_no_rejection_of_the_evidence() -> None:
    weak = Authority(name="weak", keys=(FakeAuthority(kind="p224").public_key(),))
    with pytest.raises(InvalidInput) as caught:
        verify_item(RELEASE.bundle_item(IMAGE), subject=IMAGE, authorities=[weak], limits=Limits())
    assert caught.value.code == "key_unsupported"
