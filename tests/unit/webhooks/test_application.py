"""The application around the hooks."""

from tests.fakes.admission import Webhook


def test_health_says_that_the_process_answers_even_when_nothing_is_ready() -> None:
    answer = Webhook(failing=("policy", "database")).client().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_readiness_names_every_part_that_is_not_ready() -> None:
    answer = Webhook(failing=("policy", "database")).client().get("/readyz")
    assert (answer.status_code, answer.get_json()) == (503, {"ready": False, "failing": ["policy", "database"]})


def test_readiness_is_200_when_nothing_fails() -> None:
    answer = Webhook().client().get("/readyz")
    assert (answer.status_code, answer.get_json()) == (200, {"ready": True, "failing": []})


def test_an_unknown_path_is_404_in_plain_text() -> None:
    answer = Webhook().client().get("/metrics")
    assert (answer.status_code, answer.mimetype, answer.text) == (404, "text/plain", "Not Found\n")
