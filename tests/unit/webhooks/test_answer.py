"""From answers to responses."""

import json
from dataclasses import replace

import pytest

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion, ImageAnswer
from assay.domain.decision import Finding, Severity, Stage, Status, Verdict
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.reference import Reference
from assay_webhooks.answer import allow_exempt, refuse_failure, refuse_internally, refuse_object, respond
from assay_webhooks.question import Exemption, Subject, pose_question
from assay_webhooks.review import DenialReason, ReviewResponse, parse_review
from tests.fakes.admission import (
    DECISION,
    DIGEST,
    OTHER_DIGEST,
    POLICY,
    UID,
    allowed,
    answer_to,
    denied,
    pod,
    review,
    running,
    subject_of,
)

NGINX, REDIS = Reference.parse("nginx"), Reference.parse("redis:7")


def _asked(*images: str) -> tuple[Subject, AdmissionQuestion]:
    request = parse_review(json.dumps(review(pod(*images))).encode())
    subject = subject_of(request)
    return subject, pose_question(request, subject)


def _respond(answer: AdmissionAnswer, *images: str, pin: bool = True) -> ReviewResponse:
    subject, question = _asked(*(images or ("nginx", "redis:7")))
    return respond(subject, question, answer, pin=pin)


def _finding(code: str, status: Status) -> Finding:
    return Finding(code=code, status=status, severity=Severity.HIGH, stage=Stage.REQUEST, msg="EVIL")


def test_a_complete_allow_is_allowed_and_pins() -> None:
    response = _respond(answer_to((allowed(NGINX), allowed(REDIS, OTHER_DIGEST))))

    assert response.allowed
    assert f"redis:7@{OTHER_DIGEST}" in response.patch.decode()
    assert dict(response.audit_annotations) == {
        "decision": DECISION,
        "policy": str(POLICY),
        "images": f"{DIGEST},{OTHER_DIGEST}",
    }


def test_an_image_that_runs_already_needs_no_digest() -> None:
    subject, question = _asked("nginx")
    answer = answer_to((running(NGINX),))

    assert respond(subject, replace(question, images_unchanged=True), answer, pin=False).allowed
    assert respond(subject, question, answer, pin=False).code == "answer_incomplete"


def test_an_allow_with_a_stale_listing_is_audited_with_the_greatest_age() -> None:
    images = (replace(allowed(NGINX), stale_seconds=70), replace(allowed(REDIS, OTHER_DIGEST), stale_seconds=120))
    assert dict(_respond(answer_to(images)).audit_annotations)["stale-seconds"] == "120"


def test_without_pinning_nothing_is_patched() -> None:
    answer = answer_to((allowed(NGINX), allowed(REDIS)))

    assert _respond(answer, pin=False).patch == b""
    assert _respond(answer, pin=True).patch != b""


@pytest.mark.parametrize(
    "answer",
    [
        answer_to((allowed(NGINX),)),
        answer_to((allowed(NGINX), allowed(NGINX))),
        answer_to((allowed(NGINX), allowed(REDIS), allowed(Reference.parse("extra")))),
        answer_to((allowed(NGINX), allowed(REDIS), allowed(REDIS))),
        answer_to((allowed(NGINX), allowed(Reference.parse("redis:8")))),
        answer_to((allowed(NGINX), allowed(REDIS)), decision_id=""),
        answer_to((allowed(NGINX), allowed(REDIS)), findings=(_finding("registry.allowed", Status.VIOLATION),)),
    ],
)
def test_an_allow_that_is_no_proof_for_every_image_is_denied(answer: AdmissionAnswer) -> None:
    response = _respond(answer)

    assert (response.allowed, response.reason, response.code) == (False, DenialReason.INTERNAL, "answer_incomplete")
    assert _respond(answer_to((allowed(REDIS), allowed(NGINX)))).allowed


def test_an_allow_for_another_digest_than_the_object_names_is_denied() -> None:
    pinned = NGINX.pinned(DIGEST)
    other = answer_to((allowed(pinned, OTHER_DIGEST),))

    assert _respond(other, f"nginx:latest@{DIGEST}", pin=False).code == "answer_incomplete"
    assert _respond(answer_to((allowed(pinned),)), f"nginx:latest@{DIGEST}", pin=False).allowed


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("signature.authority", DenialReason.UNSIGNED),
        ("absent", DenialReason.UNSIGNED),
        ("licence.denied", DenialReason.POLICY),
        ("", DenialReason.POLICY),
        ("policy_result_invalid", DenialReason.INTERNAL),
        ("internal", DenialReason.INTERNAL),
    ],
)
def test_a_denial_is_classed_by_its_code(code: str, reason: DenialReason) -> None:
    response = _respond(answer_to((allowed(NGINX), denied(REDIS, code=code))))

    assert (response.reason, response.code) == (reason, code or "denied")
    assert "repeating it will not help" in response.message


def test_a_retryable_denial_says_that_repeating_can_help() -> None:
    response = _respond(answer_to((allowed(NGINX), denied(REDIS, code="registry_unavailable")), retryable=True))

    assert (response.reason, response.code) == (DenialReason.RETRYABLE, "registry_unavailable")
    assert "may succeed later" in response.message


def test_indeterminate_denies() -> None:
    answer = answer_to((allowed(NGINX), allowed(REDIS)), verdict=Verdict.INDETERMINATE)
    assert (_respond(answer).allowed, _respond(answer).code) == (False, "denied")


def test_a_denial_names_place_digest_cause_and_decision() -> None:
    response = _respond(answer_to((allowed(NGINX), denied(REDIS))))

    assert response.message == (
        "unsigned [signature.authority], repeating it will not help: "
        f"/spec/containers/1/image ({DIGEST}): no named authority signed it; decision {DECISION}"
    )
    assert dict(response.audit_annotations)["code"] == "signature.authority"


def test_a_denial_of_the_whole_request_names_its_rules() -> None:
    answer = answer_to(
        (allowed(NGINX), allowed(REDIS)),
        verdict=Verdict.DENY,
        findings=(_finding("registry.allowed", Status.VIOLATION), _finding("sbom.found", Status.PASS)),
    )
    response = _respond(answer)

    assert (response.reason, response.code) == (DenialReason.POLICY, "registry.allowed")
    assert "the request breaks registry.allowed; decision" in response.message
    assert "EVIL" not in response.message


def test_many_denials_are_counted_and_not_listed() -> None:
    references = [Reference.parse(f"image:{index}") for index in range(5)]
    response = _respond(answer_to(tuple(denied(item) for item in references)), *(f"image:{n}" for n in range(5)))

    assert response.message.count("/image (") == 3
    assert "; 2 more denied; decision" in response.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"message": ""}, f"/spec/containers/1/image ({DIGEST}): signature.authority;"),
        ({"message": "", "code": ""}, f"/spec/containers/1/image ({DIGEST}): denied;"),
        ({"digest": None}, "/spec/containers/1/image: no named authority signed it;"),
        ({"reference": Reference.parse("stranger")}, f"an image ({DIGEST}): no named authority signed it;"),
    ],
)
def test_a_denied_image_is_described_with_what_is_known(changes: dict[str, object], words: str) -> None:
    image: ImageAnswer = replace(denied(REDIS), **changes)  # type: ignore[arg-type]  # fields by name
    assert words in _respond(answer_to((allowed(NGINX), image))).message


def test_warnings_name_rules_once_and_are_few() -> None:
    findings = tuple(_finding(f"rule.{index // 2}", Status.WARNING) for index in range(10))
    response = _respond(answer_to((allowed(NGINX), allowed(REDIS)), findings=findings))

    assert response.warnings == tuple(f"assay: rule.{index} (decision {DECISION})" for index in range(3))


def test_an_answer_without_policy_has_no_annotation_for_it() -> None:
    answer = replace(answer_to((denied(NGINX), denied(REDIS))), policy=None)
    assert "policy" not in dict(_respond(answer).audit_annotations)


def test_an_exemption_is_allowed_unpatched_and_audited() -> None:
    response = allow_exempt(UID, Exemption.IMAGES_UNCHANGED)
    assert response.allowed
    assert response.patch == b""
    assert response.audit_annotations == (("exemption", "images_unchanged"),)


def test_a_refused_object_is_explained_in_our_words() -> None:
    response = refuse_object(UID, InvalidInput("image_missing", "/spec names no image", remedy="name one"))
    assert response.message == "policy [image_missing], repeating it will not help: /spec names no image; name one"


def test_of_a_failure_only_the_code_is_told() -> None:
    outage = refuse_failure(UID, Unavailable("registry_unavailable", "EVIL", remedy="EVIL"))
    mistake = refuse_failure(UID, InvalidInput("manifest_unknown", "EVIL", remedy="EVIL"))

    assert (outage.reason, outage.code) == (DenialReason.RETRYABLE, "registry_unavailable")
    assert (mistake.reason, mistake.code) == (DenialReason.POLICY, "manifest_unknown")
    assert "EVIL" not in outage.message + mistake.message


def test_an_unexpected_error_is_internal() -> None:
    assert (refuse_internally(UID).allowed, refuse_internally(UID).reason) == (False, DenialReason.INTERNAL)
