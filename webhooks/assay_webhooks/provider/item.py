"""From keys to images, and from what was decided about them to items.

Texts are made of our own codes: a key is whatever somebody wrote into an object.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from assay.domain.admission import AdmissionAnswer
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput
from assay.domain.provider import Purpose
from assay.domain.reference import Reference
from assay_webhooks.patch import pin
from assay_webhooks.provider.response import Item, Value
from assay_webhooks.workloads import ImageField

Answers = Mapping[Reference, AdmissionAnswer | AssayError]


class Outcome(StrEnum):
    """What became of one key, for metrics."""

    ALLOWED = "allowed"
    DENIED = "denied"
    RETRYABLE = "retryable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An item, and what it is counted as."""

    item: Item
    outcome: Outcome


def parse_key(key: str, purpose: Purpose) -> Reference:
    """The image that a key names.

    Gatekeeper keeps an answer under its key, and would let a tag keep the verdict on an image that it named before: so
    only a key with a digest is validated. Raises `InvalidInput`: `reference_malformed`, `digest_required`.
    """
    reference = Reference.parse(key)
    if purpose is Purpose.VALIDATE and reference.digest is None:
        raise InvalidInput("digest_required", "the key names no digest", remedy="pin the image to its digest first")
    return reference


def tell(key: str, purpose: Purpose, answers: Answers) -> Told:
    """What is told about a key.

    Validation gets `{digest, allow, decision_id, reason}`, where `allow` is true for a recorded allow of exactly the
    digest that the key names. Mutation gets the key pinned to the digest that was allowed, or an error, because it has
    no other way to hear of a denial. An error stands wherever no decision was recorded.
    """
    try:
        reference = parse_key(key, purpose)
    except InvalidInput as error:
        return Told(item=Item(key=key, error=_words(error.code)), outcome=Outcome.REFUSED)
    answer = answers.get(reference)
    if answer is None:
        return Told(item=Item(key=key, error=_words("answer_incomplete")), outcome=Outcome.REFUSED)
    if isinstance(answer, AssayError):
        error_item = Item(key=key, error=_words(answer.code, retryable=answer.retryable), passing=answer.retryable)
        return Told(item=error_item, outcome=Outcome.RETRYABLE if answer.retryable else Outcome.REFUSED)
    digest = _allowed_digest(reference, answer)
    if purpose is Purpose.VALIDATE:
        return Told(item=_verdict(key, answer, allow=digest is not None), outcome=_outcome(answer, digest))
    return Told(item=_pinned(key, reference, answer, digest), outcome=_outcome(answer, digest))


def _allowed_digest(reference: Reference, answer: AdmissionAnswer) -> Digest | None:
    """The digest of a positive proof about exactly this reference; None for anything less."""
    if answer.verdict is not Verdict.ALLOW or not answer.decision_id or len(answer.images) != 1:
        return None
    image = answer.images[0]
    if image.reference != reference or image.verdict is not Verdict.ALLOW or image.runs_already:
        return None
    return image.digest if reference.digest in {None, image.digest} else None


def _outcome(answer: AdmissionAnswer, digest: Digest | None) -> Outcome:
    if digest is not None:
        return Outcome.ALLOWED
    return Outcome.RETRYABLE if answer.retryable else Outcome.DENIED


def _verdict(key: str, answer: AdmissionAnswer, *, allow: bool) -> Item:
    digest = next((image.digest for image in answer.images), None)
    value: Value = {
        "digest": str(digest or ""),
        "allow": allow,
        "decision_id": answer.decision_id,
        "reason": "allowed" if allow else _reason(answer),
    }
    return Item(key=key, value=value, passing=answer.retryable)


def _pinned(key: str, reference: Reference, answer: AdmissionAnswer, digest: Digest | None) -> Item:
    if digest is None:
        denial = f"{_reason(answer)} (decision {answer.decision_id})"
        return Item(key=key, error=denial, passing=answer.retryable)
    return Item(key=key, value=pin(ImageField(pointer="", words="the key", written=key, reference=reference), digest))


def _reason(answer: AdmissionAnswer) -> str:
    codes = next((image.message or image.code for image in answer.images), "") or "answer_incomplete"
    return _words(codes, retryable=answer.retryable)


def _words(codes: str, *, retryable: bool = False) -> str:
    hope = "the same key may be allowed later" if retryable else "asking again will not help"
    return f"{codes}: {hope}"
