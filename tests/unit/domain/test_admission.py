import pytest

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion, ImageAnswer
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.reference import Reference

REFERENCE = Reference.parse("registry.test/app:v1")
ALLOWED = ImageAnswer(reference=REFERENCE, verdict=Verdict.ALLOW, digest=Digest.of(b"image"))
DENIED = ImageAnswer(reference=REFERENCE, verdict=Verdict.DENY, digest=None, code="absent", message="unsigned")


def question(*references: Reference) -> AdmissionQuestion:
    return AdmissionQuestion(
        uid="u",
        operation="CREATE",
        namespace="n",
        kind="Pod",
        name="p",
        user="u",
        service_account="s",
        dry_run=False,
        labels=(),
        references=references,
    )


def answer(verdict: Verdict, *images: ImageAnswer) -> AdmissionAnswer:
    return AdmissionAnswer(decision_id="01", verdict=verdict, retryable=False, images=images, findings=(), policy=None)


def test_a_question_without_images_cannot_be_built() -> None:
    assert question(REFERENCE).references == (REFERENCE,)
    with pytest.raises(ValueError, match="without images"):
        question()
    with pytest.raises(ValueError, match="asked for twice"):
        question(REFERENCE, REFERENCE)


def test_an_image_is_allowed_by_its_digest_only() -> None:
    assert ALLOWED.digest
    with pytest.raises(ValueError, match="an allow is for a digest"):
        ImageAnswer(reference=REFERENCE, verdict=Verdict.ALLOW, digest=None)
    assert ImageAnswer(reference=REFERENCE, verdict=Verdict.ALLOW, digest=None, runs_already=True)


def test_an_allow_needs_an_allow_for_every_image() -> None:
    assert answer(Verdict.ALLOW, ALLOWED, ALLOWED)
    assert answer(Verdict.DENY, ALLOWED, DENIED)
    for images in ((), (ALLOWED, DENIED), (DENIED,)):
        with pytest.raises(ValueError, match="for every image"):
            answer(Verdict.ALLOW, *images)
