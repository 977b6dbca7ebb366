"""The application around the hooks."""

from assay.domain.http_call import HttpCall
from assay.domain.server_status import SERVER_STATUS, ServerStatus
from assay_webhooks.application import create_application
from tests.fakes.admission import DIGEST, ScriptedEngine, Webhook, WebhookMetrics, pod, review
from tests.fakes.clock import FrozenClock

NOT_READY = {"ready": False, "failing": ["policy", "database"], "warnings": []}
READY = {"ready": True, "failing": [], "warnings": []}


def test_health_says_that_the_process_answers_even_when_nothing_is_ready() -> None:
    answer = Webhook(failing=("policy", "database")).client().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_readiness_names_every_part_that_is_not_ready() -> None:
    answer = Webhook(failing=("policy", "database")).client().get("/readyz")
    assert (answer.status_code, answer.get_json()) == (503, NOT_READY)


def test_readiness_is_200_when_nothing_fails() -> None:
    answer = Webhook().client().get("/readyz")
    assert (answer.status_code, answer.get_json()) == (200, READY)


def test_readiness_carries_warnings_of_the_engine_and_of_the_server() -> None:
    environ = {SERVER_STATUS: ServerStatus(warnings=("the new certificate files cannot be used",))}
    answer = Webhook(warnings=("trust: late",)).client().get("/readyz", environ_overrides=environ)
    assert answer.status_code == 200
    assert answer.get_json()["warnings"] == ["trust: late", "the new certificate files cannot be used"]


def test_a_server_that_was_told_to_end_is_not_ready_and_still_alive() -> None:
    environ = {SERVER_STATUS: ServerStatus(draining=True)}
    client = Webhook().client()
    assert client.get("/readyz", environ_overrides=environ).get_json()["failing"] == ["server"]
    assert client.get("/healthz", environ_overrides=environ).status_code == 200


def test_time_that_a_review_waited_for_a_thread_counts_against_its_deadline() -> None:
    webhook = Webhook()
    environ = {SERVER_STATUS: ServerStatus(waited_seconds=4)}
    webhook.client().post("/validate?timeout=10s", json=review(pod(f"r.test/a@{DIGEST}")), environ_overrides=environ)
    assert webhook.engine.budgets == [5]


def test_a_review_that_waited_too_long_is_a_denial_that_may_be_repeated() -> None:
    environ = {SERVER_STATUS: ServerStatus(waited_seconds=9.5)}
    body = review(pod(f"r.test/a@{DIGEST}"))
    answer = Webhook().client().post("/validate?timeout=10s", json=body, environ_overrides=environ)
    assert answer.status_code == 200
    assert answer.get_json()["response"]["auditAnnotations"]["reason"] == "retryable"


def test_an_unknown_path_is_404_in_plain_text() -> None:
    answer = Webhook().client().get("/metrics")
    assert (answer.status_code, answer.mimetype, answer.text) == (404, "text/plain", "Not Found\n")


def test_a_server_finds_the_extensions_that_are_made_for_its_loop() -> None:
    application = create_application(
        ScriptedEngine({}).admit, WebhookMetrics(), tuple, FrozenClock(), in_loop=lambda door: {"in the loop": door}
    )
    call = HttpCall(method="POST", path="/mutate", query="", content_type="", body=b"")
    assert application.extensions["in the loop"](call, None, None) is False
