"""Liveness, readiness, metrics."""

from tests.fakes.service import AUDIT_TOKEN, Service


def test_a_process_that_answers_is_alive_whatever_else_is_down() -> None:
    answer = Service(report={"opa": "it is down"}, local=None).get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "alive"})


def test_a_service_is_ready_when_every_part_is() -> None:
    answer = Service(local=None).get("/readyz")
    assert answer.get_json() == {"status": "ready", "failing": {}, "warnings": [], "parts": ["opa", "policy"]}


def test_a_warning_is_told_and_fails_nothing() -> None:
    answer = Service(warnings=["trust: own was not refreshed when it was due"]).get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json()["warnings"] == ["trust: own was not refreshed when it was due"]


def test_a_part_that_fails_is_named_with_its_reason() -> None:
    answer = Service(report={"opa": "it is down", "policy": ""}).get("/readyz")
    assert answer.status_code == 503
    failing = {"opa": "it is down"}
    document = {"status": "not ready", "failing": failing, "warnings": [], "parts": ["opa", "policy"]}
    assert answer.get_json() == document


def test_metrics_are_for_auditors() -> None:
    answer = Service(local=None).get("/metrics", Authorization=f"Bearer {AUDIT_TOKEN}")
    assert (answer.status_code, answer.data) == (200, b"assay_decisions_total 1.0\n")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
