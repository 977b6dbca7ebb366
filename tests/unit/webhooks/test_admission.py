"""The two hooks over HTTP."""

import io
import json
import logging

import pytest

from assay.domain.admission import LARGEST_REVIEW
from assay.domain.coverage import Coverage, Pin
from assay.domain.decision import Finding, Severity, Stage, Status
from assay.domain.errors import ConfigError, EvidenceRejected, InvalidInput, Unavailable
from assay_webhooks.admission import parse_budget
from tests.fakes.admission import (
    DECISION,
    DIGEST,
    OTHER_DIGEST,
    UID,
    Json,
    ScriptedEngine,
    Webhook,
    WebhookMetrics,
    apply_patch,
    patch_of,
    pod,
    review,
)
from tests.fakes.clock import FrozenClock

PINNED = pod(f"nginx:latest@{DIGEST}")


def _code(response: Json) -> str:
    return str(response["auditAnnotations"]["code"])


def test_only_the_validating_hook_looks_at_the_final_object() -> None:
    webhook = Webhook()
    for hook in ("mutate", "validate"):
        webhook.ask(hook, review(pod(f"registry.example/app@{DIGEST}")))
    assert [question.final for question in webhook.engine.questions] == [False, True]


def test_mutate_allows_and_pins_what_was_judged() -> None:
    webhook = Webhook()
    response = webhook.ask("mutate", review(pod("nginx")))

    assert (response["uid"], response["allowed"]) == (UID, True)
    assert apply_patch(pod("nginx"), patch_of(response)) == PINNED
    assert response["auditAnnotations"]["decision"] == DECISION
    assert [str(item) for item in webhook.engine.questions[0].references] == ["docker.io/library/nginx:latest"]


def test_a_pinned_object_gets_no_patch() -> None:
    response = Webhook().ask("mutate", review(PINNED))
    assert response["allowed"]
    assert "patch" not in response
    assert "patchType" not in response


def test_whoever_creates_an_object_is_warned_by_one_of_the_hooks() -> None:
    warning = Finding(
        code="rule.one", status=Status.WARNING, severity=Severity.LOW, stage=Stage.REQUEST, msg="it complains"
    )
    webhook = Webhook(ScriptedEngine({"*": DIGEST}, findings=(warning,)))
    assert webhook.ask("validate", review(PINNED))["warnings"] == [f"assay: rule.one (decision {DECISION})"]
    assert "warnings" not in webhook.ask("mutate", review(PINNED))


def test_validate_judges_the_pinned_object_and_changes_nothing() -> None:
    webhook = Webhook()
    response = webhook.ask("validate", review(PINNED))

    assert response["allowed"]
    assert "patch" not in response
    assert len(webhook.engine.questions) == 1


def test_validate_requires_digests_without_asking_the_engine() -> None:
    webhook = Webhook()
    response = webhook.ask("validate", review(pod("nginx")))

    assert _code(response) == "digest_required"
    assert webhook.engine.questions == []
    assert webhook.metrics.failures == {"digest_required": 1}


def test_an_unsigned_sidecar_injected_after_mutation_is_found_by_validation() -> None:
    webhook = Webhook(ScriptedEngine({f"docker.io/library/nginx:latest@{DIGEST}": DIGEST}))
    injected = pod(f"nginx:latest@{DIGEST}", f"evil@{OTHER_DIGEST}")

    assert _code(webhook.ask("validate", review(injected))) == "signature.authority"
    assert webhook.ask("validate", review(PINNED))["allowed"]


def test_an_annotation_that_claims_a_verdict_changes_nothing() -> None:
    claiming = pod("nginx")
    claiming["metadata"]["annotations"] = {"decision": DECISION, "assay/verified": "true"}

    assert not Webhook(ScriptedEngine({})).ask("mutate", review(claiming))["allowed"]
    assert Webhook().ask("mutate", review(claiming))["allowed"]


@pytest.mark.parametrize("hook", ["mutate", "validate"])
def test_an_unchanged_image_set_is_allowed_without_a_question(hook: str) -> None:
    webhook = Webhook(ScriptedEngine({}))
    new = {**pod("nginx"), "metadata": {"finalizers": []}}
    response = webhook.ask(hook, review(new, old=pod("nginx"), operation="UPDATE"))

    assert response["auditAnnotations"] == {"exemption": "images_unchanged"}
    assert "patch" not in response
    assert webhook.engine.questions == []
    assert not webhook.ask(hook, review(pod(f"x@{DIGEST}"), old=pod("nginx"), operation="UPDATE"))["allowed"]


@pytest.mark.parametrize("hook", ["mutate", "validate"])
def test_an_unchanged_image_set_in_a_changed_pod_spec_asks_about_the_request_alone(hook: str) -> None:
    webhook = Webhook(ScriptedEngine({}))
    old, new = pod("nginx"), pod("nginx", hostNetwork=True)
    response = webhook.ask(hook, review(new, old=old, operation="UPDATE"))

    assert response["allowed"]
    assert "patch" not in response
    (question,) = webhook.engine.questions
    assert question.images_unchanged
    assert question.pods[0].host_namespaces == ("network",)


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_an_exempt_namespace_is_not_asked_about(operation: str) -> None:
    webhook = Webhook(ScriptedEngine({}), coverage=Coverage(exempt_namespaces=frozenset({"team-a"})))
    assert webhook.ask("validate", review(pod("nginx"), operation=operation))["auditAnnotations"] == {
        "exemption": "exempt_namespace"
    }
    assert not webhook.ask("validate", review(pod("nginx"), operation=operation, namespace="team-b"))["allowed"]


def test_only_pods_are_pinned_where_the_coverage_says_so() -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pod("nginx")["spec"]}}}
    pods, everything = Webhook(coverage=Coverage(pin=Pin.PODS)), Webhook()

    assert patch_of(pods.ask("mutate", review(deployment))) == []
    assert pods.ask("validate", review(deployment))["allowed"]
    assert len(patch_of(pods.ask("mutate", review(pod("nginx"))))) == 2
    assert len(patch_of(everything.ask("mutate", review(deployment)))) == 2
    assert _code(everything.ask("validate", review(deployment))) == "digest_required"


def test_answered_reviews_are_counted_by_closed_words() -> None:
    webhook = Webhook(ScriptedEngine({"*": DIGEST}), coverage=Coverage(exempt_namespaces=frozenset({"kube-system"})))
    webhook.ask("mutate", review(pod("nginx")))
    webhook.ask("validate", review(pod("nginx"), dryRun=True))
    webhook.ask("validate", review(pod("nginx"), namespace="kube-system"))

    assert webhook.metrics.admissions == {
        ("mutate", "allow", "allowed", False): 1,
        ("validate", "deny", "policy", True): 1,
        ("validate", "allow", "exempt_namespace", False): 1,
    }
    assert [hook for hook, _ in webhook.metrics.durations] == ["mutate", "validate", "validate"]


def test_an_ephemeral_container_is_judged() -> None:
    webhook = Webhook(ScriptedEngine({f"docker.io/library/nginx:latest@{DIGEST}": DIGEST}))
    new = pod(f"nginx:latest@{DIGEST}", ephemeralContainers=[{"name": "debug", "image": f"evil@{OTHER_DIGEST}"}])
    body = review(new, old=PINNED, operation="UPDATE", subResource="ephemeralcontainers")

    assert _code(webhook.ask("validate", body)) == "signature.authority"


@pytest.mark.parametrize("hook", ["mutate", "validate"])
def test_a_dry_run_gets_the_same_verdict_and_is_told_to_the_engine(hook: str) -> None:
    webhook = Webhook()
    dry, wet = (webhook.ask(hook, review(PINNED, dryRun=value)) for value in (True, False))

    assert dry == wet
    assert [question.dry_run for question in webhook.engine.questions] == [True, False]


@pytest.mark.parametrize(
    ("timeout", "budget"),
    [("10s", 9.0), ("30s", 29.0), ("5s", 4.0), ("2s", 1.6), ("1s", 0.8)],
)
def test_the_deadline_leaves_time_for_the_answer(timeout: str, budget: float) -> None:
    webhook = Webhook()
    webhook.ask("mutate", review(pod("nginx")), query=f"?timeout={timeout}")

    assert webhook.engine.budgets == [pytest.approx(budget)]


@pytest.mark.parametrize("timeout", ["", "0s", "31s", "10", "-5s", "1m", "1e9s", "10s "])
def test_a_timeout_no_api_server_sends_is_ignored(timeout: str) -> None:
    assert parse_budget(timeout, timeout_seconds=10) == 9.0
    assert parse_budget(timeout, timeout_seconds=2) == 1.6


def test_when_no_time_is_left_the_denial_is_retryable() -> None:
    class Leaping:
        seconds = 0.0

        def monotonic(self) -> float:
            self.seconds += 100.0
            return self.seconds

    webhook = Webhook()
    webhook.clock = Leaping()  # type: ignore[assignment]  # only monotonic is read
    response = webhook.ask("mutate", review(pod("nginx")))

    assert _code(response) == "deadline_exceeded"
    assert response["auditAnnotations"]["reason"] == "retryable"
    assert webhook.engine.questions == []


FAILURES = [
    (Unavailable("registry_unavailable", "EVIL", remedy="x"), "retryable", "registry_unavailable"),
    (InvalidInput("manifest_unknown", "EVIL", remedy="x"), "policy", "manifest_unknown"),
    (EvidenceRejected("signature_invalid", "EVIL", remedy="x"), "internal", "internal"),
    (ConfigError("policy_missing", "EVIL", remedy="x"), "internal", "internal"),
    (RuntimeError("EVIL"), "internal", "internal"),
    (RecursionError("EVIL"), "internal", "internal"),
    (MemoryError("EVIL"), "internal", "internal"),
    (StopIteration("EVIL"), "internal", "internal"),
]
"""What an engine raises, and the reason and code of the denial that follows."""


@pytest.mark.parametrize(("error", "reason", "code"), FAILURES)
def test_whatever_the_engine_raises_is_a_counted_denial(error: Exception, reason: str, code: str) -> None:
    webhook = Webhook(ScriptedEngine({"*": DIGEST}, error=error))
    response = webhook.ask("mutate", review(pod("nginx")))

    assert (response["uid"], response["allowed"]) == (UID, False)
    assert (response["auditAnnotations"]["reason"], _code(response)) == (reason, code)
    assert "EVIL" not in json.dumps(response)
    assert webhook.metrics.failures == {code: 1}


def test_an_http_error_raised_by_the_engine_is_a_denial_too() -> None:
    from werkzeug.exceptions import ServiceUnavailable

    webhook = Webhook(ScriptedEngine({}, error=ServiceUnavailable()))
    assert _code(webhook.ask("mutate", review(pod("nginx")))) == "internal"


def test_a_broken_counter_does_not_undo_the_denial() -> None:
    class BrokenMetrics(WebhookMetrics):
        def count_failure(self, code: str) -> None:
            raise OSError(code)

    webhook = Webhook(ScriptedEngine({}, error=RuntimeError()), BrokenMetrics())
    assert _code(webhook.ask("mutate", review(pod("nginx")))) == "internal"


def test_an_unexpected_error_before_the_uid_is_known_is_an_http_error(monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = Webhook()
    monkeypatch.setattr("assay_webhooks.admission.parse_review", lambda _: 1 / 0)

    assert webhook.post("mutate", review(pod("nginx"))).status_code == 500
    assert webhook.metrics.failures == {"internal": 1}


def test_an_engine_that_answers_nothing_is_a_denial() -> None:
    webhook = Webhook()
    webhook.engine.admit = lambda *_: None  # type: ignore[assignment, method-assign]  # a broken collaborator
    assert _code(webhook.ask("mutate", review(pod("nginx")))) == "internal"


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "review_malformed"), (b"{", "review_malformed"), (b"{}", "review_malformed"), (b"null", "review_malformed")],
)
def test_a_body_that_is_no_review_is_http_400_and_counted(body: bytes, code: str) -> None:
    webhook = Webhook()
    answer = webhook.post("mutate", body)

    assert (answer.status_code, answer.mimetype) == (400, "text/plain")
    assert answer.text.startswith(f"{code}: ")
    assert webhook.metrics.failures == {code: 1}


def test_a_body_above_the_limit_is_http_413() -> None:
    webhook = Webhook()
    octets = json.dumps(review(PINNED)).encode()

    assert webhook.post("validate", octets + b" " * LARGEST_REVIEW).status_code == 413
    assert webhook.metrics.failures == {"review_too_large": 1}
    assert webhook.post("validate", octets + b" " * (LARGEST_REVIEW - len(octets))).status_code == 200


@pytest.mark.parametrize(("surplus", "status"), [(0, 200), (1, 413), (70_000, 413)])
def test_a_body_whose_length_is_not_told_is_capped_and_not_cut(surplus: int, status: int) -> None:
    octets = json.dumps(review(PINNED)).encode()
    answer = (
        Webhook()
        .client()
        .post(
            "/mutate",
            input_stream=io.BytesIO(octets.ljust(LARGEST_REVIEW + surplus)),
            content_type="application/json",
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},
        )
    )
    assert answer.status_code == status


def test_a_body_that_ends_early_is_http_400() -> None:
    octets = json.dumps(review(pod("nginx"))).encode()
    length = {"CONTENT_LENGTH": str(len(octets) + 1)}
    answer = (
        Webhook()
        .client()
        .post(
            "/mutate",
            input_stream=io.BytesIO(octets),
            content_type="application/json",
            environ_overrides=length,
        )
    )
    assert (answer.status_code, answer.text.split(":")[0]) == (400, "review_malformed")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/yaml", "application/json-patch+json"])
def test_another_content_type_is_http_415(content_type: str) -> None:
    webhook = Webhook()
    assert webhook.post("mutate", review(pod("nginx")), content_type=content_type).status_code == 415
    assert webhook.metrics.failures == {"content_type_unsupported": 1}
    assert webhook.post("mutate", review(PINNED), content_type="application/json; charset=utf-8").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "YOLO"])
def test_another_method_is_http_405(method: str) -> None:
    answer = Webhook().client().open("/mutate", method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_one_line_is_logged_for_each_review(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="assay_webhooks.admission"):
        Webhook().ask("mutate", review(pod("nginx"), uid="a b\nallowed=true"))

    (record,) = caplog.records
    fields = json.loads(record.getMessage().removeprefix("admission "))
    assert (fields["hook"], fields["allowed"], fields["decision"]) == ("mutate", True, DECISION)
    assert "\n" not in record.getMessage()


def test_a_review_is_denied_when_the_clock_cannot_be_read() -> None:
    class StoppedClock(FrozenClock):
        def monotonic(self) -> float:
            raise OSError("no clock")

    webhook = Webhook(clock=StoppedClock())
    assert webhook.ask("validate", review(PINNED))["auditAnnotations"]["reason"] == "internal"
    assert webhook.post("validate", b"{}").status_code == 400
    assert Webhook().ask("validate", review(PINNED))["allowed"]
