"""From the answer of the engine, or the lack of one, to the response of a review.

Messages name places in the object (JSON pointers), digests and our own codes, never text that whoever made the object
could choose.
"""

from enum import StrEnum

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion, ImageAnswer
from assay.domain.decision import Status, Verdict
from assay.domain.errors import AssayError, InvalidInput
from assay_webhooks.patch import render_patch
from assay_webhooks.question import Exemption, Subject
from assay_webhooks.review import DenialReason, ReviewResponse, plain_text
from assay_webhooks.workloads import ImageField

_MOST_NAMED = 3
_LONGEST_PART = 160
_SIGNATURE_RULES = "signature."
_SIGNATURE_CODES = frozenset({"absent", "all_rejected", "signature_invalid", "identity_mismatch", "subject_mismatch"})
_INTERNAL_CODES = frozenset({"internal", "policy_result_invalid"})


class Hook(StrEnum):
    """The two hooks: one pins what it judged, the other judges the final object and changes nothing."""

    MUTATE = "mutate"
    VALIDATE = "validate"


def allow_exempt(uid: str, exemption: Exemption) -> ReviewResponse:
    """The response to a request that is allowed without evidence; it changes nothing."""
    return ReviewResponse(uid=uid, allowed=True, audit_annotations=(("exemption", exemption.value),))


def refuse_object(uid: str, error: InvalidInput) -> ReviewResponse:
    """The response to an object that cannot be judged; `error` must come from this package, whose words are safe."""
    return _refuse(uid, DenialReason.POLICY, error.code, f"{error.message}; {error.remedy}")


def refuse_failure(uid: str, error: AssayError) -> ReviewResponse:
    """The response when no decision was reached; of the error only its code is told, for its words may be quoted."""
    if error.retryable:
        return _refuse(uid, DenialReason.RETRYABLE, error.code, "no decision was reached in time")
    return _refuse(uid, DenialReason.POLICY, error.code, "this request cannot be judged")


def refuse_internally(uid: str) -> ReviewResponse:
    """The response to an unexpected error."""
    return _refuse(uid, DenialReason.INTERNAL, "internal", "an unexpected error was recorded in the webhook's log")


def respond(subject: Subject, question: AdmissionQuestion, answer: AdmissionAnswer, *, pin: bool) -> ReviewResponse:
    """The response that follows from a decision.

    Allowed only with positive proof: the verdict is allow, the decision is recorded, nothing blocks, and exactly the
    references of the question are allowed, each for the digest it names if it names one; only an image that ran before
    the request needs no digest. Anything less is a denial (`answer_incomplete`). With `pin` the object is patched to
    the digests that were judged. Raises `InvalidInput(patch_impossible)`.
    """
    if answer.verdict is not Verdict.ALLOW:
        return _deny(subject.images, question.uid, answer)
    if not _is_positive_proof(question, answer):
        message = "the decision does not cover every image of the object"
        return _refuse(question.uid, DenialReason.INTERNAL, "answer_incomplete", message)
    digests = {image.reference: image.digest for image in answer.images if image.digest}
    return ReviewResponse(
        uid=question.uid,
        allowed=True,
        warnings=_warnings(answer),
        audit_annotations=_annotations(answer),
        patch=render_patch(subject.images, digests) if pin else b"",
    )


def _is_positive_proof(question: AdmissionQuestion, answer: AdmissionAnswer) -> bool:
    return (
        bool(answer.decision_id)
        and len(answer.images) == len(question.references)
        and {image.reference for image in answer.images} == set(question.references)
        and all(_is_allowed(question, image) for image in answer.images)
        and not any(finding.blocks for finding in answer.findings)
    )


def _is_allowed(question: AdmissionQuestion, image: ImageAnswer) -> bool:
    bound = image.digest is not None and image.reference.digest in {None, image.digest}
    return image.verdict is Verdict.ALLOW and (question.images_unchanged if image.runs_already else bound)


def _deny(images: tuple[ImageField, ...], uid: str, answer: AdmissionAnswer) -> ReviewResponse:
    denied = [image for image in answer.images if image.verdict is not Verdict.ALLOW]
    findings = [finding.code for finding in answer.findings if finding.blocks]
    codes = [*(image.code for image in denied if image.code), *findings]
    parts = [_describe(image, images) for image in denied[:_MOST_NAMED]] or [
        f"the request breaks {plain_text(code, longest=_LONGEST_PART)}" for code in findings[:_MOST_NAMED]
    ]
    omitted = max(len(denied) - _MOST_NAMED, 0)
    if omitted:
        parts.append(f"{omitted} more denied")
    code = codes[0] if codes else "denied"
    message = "; ".join([*parts, f"decision {answer.decision_id}"])
    return _refuse(uid, _classify(answer, codes), code, message, annotations=_annotations(answer))


def _classify(answer: AdmissionAnswer, codes: list[str]) -> DenialReason:
    if answer.retryable:
        return DenialReason.RETRYABLE
    if _INTERNAL_CODES.intersection(codes):
        return DenialReason.INTERNAL
    if any(code.startswith(_SIGNATURE_RULES) or code in _SIGNATURE_CODES for code in codes):
        return DenialReason.UNSIGNED
    return DenialReason.POLICY


def _describe(image: ImageAnswer, images: tuple[ImageField, ...]) -> str:
    places = [place.words for place in images if place.reference == image.reference]
    where = places[0] if places else "an image"
    digest = f" ({image.digest})" if image.digest else ""
    return f"{where}{digest}: {plain_text(image.message or image.code or 'denied', longest=_LONGEST_PART)}"


def _refuse(
    uid: str, reason: DenialReason, code: str, message: str, *, annotations: tuple[tuple[str, str], ...] = ()
) -> ReviewResponse:
    hope = "the same request may succeed later" if reason is DenialReason.RETRYABLE else "repeating it will not help"
    return ReviewResponse(
        uid=uid,
        allowed=False,
        reason=reason,
        code=code,
        message=f"{reason} [{code}], {hope}: {message}",
        audit_annotations=(*annotations, ("reason", reason.value), ("code", code)),
    )


def _annotations(answer: AdmissionAnswer) -> tuple[tuple[str, str], ...]:
    digests = ",".join(dict.fromkeys(str(image.digest) for image in answer.images if image.digest))
    stale = max((image.stale_seconds for image in answer.images), default=0)
    texts = (
        ("decision", answer.decision_id),
        ("policy", str(answer.policy or "")),
        ("images", digests),
        ("stale-seconds", str(stale or "")),
    )
    return tuple((key, text) for key, text in texts if text)


def _warnings(answer: AdmissionAnswer) -> tuple[str, ...]:
    codes = dict.fromkeys(finding.code for finding in answer.findings if finding.status is Status.WARNING)
    return tuple(f"assay: {code} (decision {answer.decision_id})" for code in list(codes)[:_MOST_NAMED])
