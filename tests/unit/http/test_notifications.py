"""Where registries tell of pushes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.notification import LARGEST_NOTIFICATION, Receipt
from assay.http.notifications import NotificationDoor, create_notification_service
from tests.fakes.metrics import CountingMetrics

PATH = "/v1/notifications/main"


@dataclass
class Door:
    """The application around a scripted reception."""

    error: Exception | None = None
    failing: dict[str, str] = field(default_factory=dict)
    received: list[tuple[str, bytes, str, Mapping[str, str]]] = field(default_factory=list)
    metrics: CountingMetrics = field(default_factory=CountingMetrics)

    def receive(self, name: str, octets: bytes, *, media_type: str, headers: Mapping[str, str]) -> Receipt:
        if self.error is not None:
            raise self.error
        self.received.append((name, octets, media_type, headers))
        return Receipt(events=2, ignored=1)

    def application(self) -> Flask:
        door = NotificationDoor(
            receive=self.receive, failing=lambda: self.failing, warnings=lambda: ["late"], metrics=self.metrics
        )
        return create_notification_service(door)

    def call(self, method: str = "POST", path: str = PATH, **options: Any) -> TestResponse:
        return self.application().test_client().open(path, method=method, **options)


def test_a_notification_is_answered_with_what_became_of_it() -> None:
    door = Door()
    headers = {"X-GitHub-Event": "package", "Content-Type": "application/json; charset=utf-8"}
    answer = door.call(data=b"{}", headers=headers)
    assert (answer.status_code, answer.get_json()) == (202, {"events": 2, "ignored": 1})
    ((name, octets, media_type, received),) = door.received
    assert (name, octets, media_type, received["x-github-event"]) == ("main", b"{}", "application/json", "package")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput("caller_unknown", "no", remedy="show it"), 401),
        (InvalidInput("path_unknown", "no", remedy="name it"), 404),
        (InvalidInput("content_type_unsupported", "no", remedy="send it"), 415),
        (InvalidInput("notification_malformed", "no", remedy="send it"), 400),
        (InvalidInput("json_malformed", "no", remedy="send it"), 400),
        (Unavailable("notifications_overloaded", "no", remedy="wait"), 429),
        (Unavailable("cache_unavailable", "no", remedy="repeat"), 503),
    ],
)
def test_a_refusal_is_a_problem_document(error: AssayError, status: int) -> None:
    door = Door(error=error)
    answer = door.call(data=b"{}")
    assert (answer.status_code, answer.get_json()["code"]) == (status, error.code)
    assert answer.content_type == "application/problem+json"
    assert door.metrics.failures == {error.code: 1}


def test_what_nobody_foresaw_is_a_counted_error_that_says_nothing() -> None:
    door = Door(error=RuntimeError("a text of the caller"))
    answer = door.call(data=b"{}")
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal")
    assert (b"text of the caller" in answer.data, door.metrics.failures) == (False, {"internal": 1})


def test_a_body_is_bounded() -> None:
    door = Door()
    assert door.call(data=b"x" * LARGEST_NOTIFICATION).status_code == 202
    answer = door.call(data=b"x" * (LARGEST_NOTIFICATION + 1))
    assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")
    assert len(door.received) == 1


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", PATH, "method_not_allowed"),
        ("POST", "/v1/notifications/", "path_unknown"),
        ("POST", f"{PATH}/more", "path_unknown"),
        ("POST", "/v1/gate", "path_unknown"),
        ("GET", "/metrics", "path_unknown"),
    ],
)
def test_there_is_nothing_else(method: str, path: str, code: str) -> None:
    assert Door().call(method, path).get_json()["code"] == code


def test_it_lives_and_says_what_is_not_ready() -> None:
    assert Door().call("GET", "/healthz").get_json() == {"status": "alive"}
    ready = Door(failing={"secrets of main": ""}).call("GET", "/readyz")
    assert (ready.status_code, ready.get_json()["warnings"]) == (200, ["late"])
    failing = Door(failing={"secrets of main": "no secret can be read"}).call("GET", "/readyz")
    assert (failing.status_code, failing.get_json()["failing"]) == (503, {"secrets of main": "no secret can be read"})
