"""From decisions to items: an allow needs a positive proof about exactly the key."""

from dataclasses import replace

import pytest

from assay.domain.admission import AdmissionAnswer
from assay.domain.decision import Verdict
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.provider import Purpose
from assay.domain.reference import Reference
from assay_webhooks.provider.item import Outcome, Told, tell
from assay_webhooks.provider.response import Item
from tests.fakes.admission import DECISION, DIGEST, OTHER_DIGEST, allowed, answer_to, denied, running
from tests.fakes.provider import PINNED, TAGGED

PIN, TAG = Reference.parse(PINNED), Reference.parse(TAGGED)
GOOD = answer_to((allowed(PIN),))


def told(answer: AdmissionAnswer | AssayError, purpose: Purpose = Purpose.VALIDATE, key: str = PINNED) -> Told:
    return tell(key, purpose, {Reference.parse(key): answer})


def value_of(item: Item) -> dict[str, str | bool]:
    assert item.value is not None
    assert not isinstance(item.value, str)
    return dict(item.value)


def test_an_allow_is_told_with_digest_and_decision() -> None:
    value = value_of(told(GOOD).item)
    assert value == {"digest": str(DIGEST), "allow": True, "decision_id": DECISION, "reason": "allowed"}
    assert told(GOOD).outcome is Outcome.ALLOWED


@pytest.mark.parametrize(
    "answer",
    [
        answer_to((denied(PIN),)),
        answer_to((allowed(PIN),), verdict=Verdict.DENY),
        answer_to((allowed(PIN),), verdict=Verdict.INDETERMINATE),
        answer_to((allowed(PIN),), decision_id=""),
        answer_to((allowed(PIN, OTHER_DIGEST),)),
        answer_to((allowed(TAG),)),
        answer_to((running(PIN),)),
        answer_to((allowed(PIN), allowed(TAG))),
        answer_to((), verdict=Verdict.DENY),
    ],
)
@pytest.mark.parametrize("purpose", list(Purpose))
def test_anything_less_than_a_proof_about_the_key_is_no_allow(answer: AdmissionAnswer, purpose: Purpose) -> None:
    assert told(GOOD, purpose).outcome is Outcome.ALLOWED
    found = told(answer, purpose)
    assert found.outcome is Outcome.DENIED
    if purpose is Purpose.VALIDATE:
        assert value_of(found.item)["allow"] is False
    else:
        assert found.item.value is None
        assert found.item.error


def test_a_denial_says_why_and_whether_repeating_helps() -> None:
    final, passing = answer_to((denied(PIN),)), answer_to((denied(PIN),), retryable=True)
    assert value_of(told(final).item)["reason"] == "no named authority signed it: asking again will not help"
    assert value_of(told(passing).item)["reason"] == "no named authority signed it: the same key may be allowed later"
    assert (told(final).item.passing, told(passing).item.passing) == (False, True)
    assert told(passing).outcome is Outcome.RETRYABLE


@pytest.mark.parametrize(
    ("key", "pinned"),
    [
        (TAGGED, f"{TAGGED}@{DIGEST}"),
        (PINNED, PINNED),
        ("registry.example/app", f"registry.example/app:latest@{DIGEST}"),
    ],
)
def test_mutation_gets_the_key_as_it_was_written_pinned(key: str, pinned: str) -> None:
    found = told(answer_to((allowed(Reference.parse(key)),)), Purpose.MUTATE, key).item
    assert found.value == pinned
    again = told(answer_to((allowed(Reference.parse(pinned)),)), Purpose.MUTATE, pinned).item
    assert again.value == pinned


def test_mutation_hears_of_a_denial_as_an_error_with_the_decision() -> None:
    item = told(answer_to((denied(PIN),)), Purpose.MUTATE).item
    assert item.error == f"no named authority signed it: asking again will not help (decision {DECISION})"


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Unavailable("log_unavailable", "secret words", remedy="x"), Outcome.RETRYABLE),
        (InvalidInput("log_entry_too_large", "secret words", remedy="x"), Outcome.REFUSED),
    ],
)
def test_where_nothing_was_recorded_there_is_an_error_of_our_own_words(
    error: AssayError, outcome: Outcome, purpose: Purpose
) -> None:
    found = told(error, purpose)
    assert (found.outcome, found.item.value, found.item.passing) == (outcome, None, error.retryable)
    assert found.item.error.startswith(error.code)
    assert "secret" not in found.item.error


def test_a_tag_is_refused_for_validation_and_pinned_for_mutation() -> None:
    answer = answer_to((allowed(TAG),))
    refused = told(answer, Purpose.VALIDATE, TAGGED)
    assert (refused.outcome, refused.item.error.partition(":")[0]) == (Outcome.REFUSED, "digest_required")
    assert told(answer, Purpose.MUTATE, TAGGED).outcome is Outcome.ALLOWED


@pytest.mark.parametrize("key", ["Registry.example/App:v1", " app", "app@sha256:12", "", "x\n", "app:v1/../..", "ä"])
def test_a_key_that_is_no_image_is_an_error_that_does_not_quote_it(key: str) -> None:
    item = tell(key, Purpose.MUTATE, {}).item
    assert item == Item(key=key, error="reference_malformed: asking again will not help")


def test_a_key_without_an_answer_is_an_error() -> None:
    assert tell(PINNED, Purpose.VALIDATE, {}).item.error.startswith("answer_incomplete")
    assert told(replace(GOOD, retryable=True)).outcome is Outcome.ALLOWED
