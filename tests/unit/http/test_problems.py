"""Every documented error of the interface: status, code, and a problem document."""

import io
import json
import logging
from typing import Any

import pytest

from assay.domain.caller import Role
from assay.domain.digest import Digest
from assay.domain.errors import (
    AssayError,
    ConfigError,
    EvidenceRejected,
    InvalidInput,
    RecordCorrupt,
    RecordPart,
    Unavailable,
)
from assay.http.problem import status_of
from tests.fakes.decision import identifier
from tests.fakes.engine import good_bundles, publish
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.service import AUDIT_TOKEN, LOCAL, TOKEN, ScriptedArchive, Service, problem, typed
from tests.fakes.signing import FakeAuthority

IMAGE = Digest.of(image())


def question(**changes: object) -> dict[str, Any]:
    artefact = {"type": "image", "repository": "registry.example/app", "digest": IMAGE.text}
    return {"artefact": artefact, "environment": ENVIRONMENT, "evidence": {"from": "registry"}, **changes}


def about(**changes: object) -> dict[str, Any]:
    return question(artefact={**question()["artefact"], **changes})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "json_malformed"),
        (b"", 400, "json_malformed"),
        (b'{"a": 1, "a": 2}', 400, "json_malformed"),
        (b'{"environment": NaN}', 400, "json_malformed"),
        (b"[]", 400, "request_invalid"),
        (question(surprise=1), 400, "request_invalid"),
        (question(environment="x" * 65), 400, "request_invalid"),
        (question(evidence={"from": "registry", "path": "x"}), 400, "request_invalid"),
        (about(repository="Not A Reference"), 400, "reference_malformed"),
        (about(tag="a b"), 400, "reference_malformed"),
        (about(digest="sha256:abc"), 400, "digest_malformed"),
        (question(environment="elsewhere"), 403, "environment_forbidden"),
        (question(evidence={"from": "layout", "path": "nowhere"}), 404, "layout_unknown"),
    ],
)
def test_a_body_that_cannot_be_used_is_a_problem_of_the_caller(body: Any, status: int, code: str) -> None:
    service = Service()
    assert problem(service.post(body)) == (status, code)
    assert service.world.metrics.failures == {code: 1}
    assert service.world.log.decisions == []


def test_a_body_above_the_limit_is_refused_with_and_without_a_length() -> None:
    service = Service(request_octets=1000)
    body = b" " * 1001
    assert problem(service.post(body)) == (413, "body_too_large")
    streamed = {"input_stream": io.BytesIO(body), "environ_overrides": {"wsgi.input_terminated": True}}
    client = service.application().test_client()
    answer = client.post(
        "/v1/gate", content_type="application/json", headers={"Transfer-Encoding": "chunked"}, **streamed
    )
    assert problem(answer) == (413, "body_too_large")
    assert problem(service.post(b" " * 1000)) == (400, "json_malformed")


@pytest.mark.parametrize("server", [{}, {"wsgi.input_terminated": True}])
def test_a_body_that_ends_early_is_refused_whether_the_server_notices_or_not(server: dict[str, Any]) -> None:
    answer = Service().post(b"{}", environ_overrides={"CONTENT_LENGTH": "50", **server})
    assert problem(answer) == (400, "request_malformed")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_another_content_type_is_refused(content_type: str) -> None:
    assert problem(Service().post(question(), content_type=content_type)) == (415, "content_type_unsupported")
    assert problem(Service().post(b"{", content_type="application/json; charset=utf-8")) == (400, "json_malformed")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [(Fault(status=500), 503, "registry_unavailable"), (Fault(status=404), 404, "manifest_unknown")],
)
def test_a_registry_that_fails_and_an_image_nobody_has_are_told_apart(fault: Fault, status: int, code: str) -> None:
    service = Service()
    with FakeRegistry.start() as registry:
        publish(registry, "app", good_bundles(FakeAuthority(), IMAGE))
        registry.faults[f"/v2/app/manifests/{IMAGE}"] = fault
        asked = about(repository=f"{registry.host}/app")
        assert problem(service.post(asked)) == (status, code)
        registry.faults.clear()
        assert service.post(asked).get_json()["verdict"] == "allow"


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/v2/gate", "GET", 404, "path_unknown"),
        ("/v1/gate", "GET", 405, "method_not_allowed"),
        ("/v1/decisions", "POST", 405, "method_not_allowed"),
        ("/healthz", "DELETE", 405, "method_not_allowed"),
        ("/v1//decisions", "GET", 404, "path_unknown"),
        ("/v1/decisions/", "GET", 404, "path_unknown"),
    ],
)
def test_a_path_or_method_that_is_not_there_is_a_problem_document(
    path: str, method: str, status: int, code: str
) -> None:
    answer = Service().application().test_client().open(path, method=method)
    assert problem(answer) == (status, code)
    assert ("Allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize(
    ("header", "local"),
    [
        ("Bearer wrong", True),
        ("Bearer wrong", False),
        (f"Basic {TOKEN}", True),
        ("Bearer ", True),
        (None, False),
    ],
)
def test_a_caller_nobody_knows_is_refused_even_where_callers_without_token_are_welcome(
    header: str | None,
    local: bool,  # noqa: FBT001
) -> None:
    service = Service(local=LOCAL if local else None)
    headers = {} if header is None else {"Authorization": header}
    answer = service.get("/v1/decisions", **headers)
    assert problem(answer) == (401, "caller_unknown")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert service.get("/v1/decisions", Authorization=f"bearer {AUDIT_TOKEN}").status_code == 200


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/v1/decisions", Role.AUDIT),
        (f"/v1/decisions/{identifier(1)}", Role.AUDIT),
        (f"/v1/decisions/{identifier(1)}/proof", Role.AUDIT),
        ("/v1/log/key", Role.AUDIT),
        ("/v1/log/verification", Role.AUDIT),
        ("/metrics", Role.AUDIT),
    ],
)
def test_a_caller_without_the_role_is_refused(path: str, role: Role) -> None:
    assert role is Role.AUDIT
    assert problem(Service().get(path, Authorization=f"Bearer {TOKEN}")) == (403, "role_missing")
    assert Service().get(path, Authorization=f"Bearer {AUDIT_TOKEN}").status_code in {200, 404}


def test_an_auditor_may_not_ask_the_gate() -> None:
    answer = Service().post(question(), headers={"Authorization": f"Bearer {AUDIT_TOKEN}"})
    assert problem(answer) == (403, "role_missing")


@pytest.mark.parametrize("suffix", ["", "/proof"])
@pytest.mark.parametrize("decision", [identifier(1), "no-ulid", "%00", "x" * 2000])
def test_a_decision_nobody_made_is_unknown(decision: str, suffix: str) -> None:
    assert problem(Service().get(f"/v1/decisions/{decision}{suffix}")) == (404, "decision_unknown")


@pytest.mark.parametrize(
    "path", ["/v1/decisions", f"/v1/decisions/{identifier(1)}", f"/v1/decisions/{identifier(1)}/proof"]
)
def test_a_corrupt_record_is_refused_and_the_damaged_part_is_named(path: str) -> None:
    service = Service(archive=ScriptedArchive(error=RecordCorrupt(RecordPart.VERDICT, "the verdict was changed")))
    answer = service.get(path)
    assert problem(answer) == (500, "record_corrupt")
    assert json.loads(answer.text)["part"] == "verdict"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (typed(Unavailable, "log_overloaded"), 429),
        (typed(Unavailable, "log_unavailable"), 503),
        (typed(Unavailable, "deadline_exceeded"), 503),
        (typed(InvalidInput, "registry_not_configured"), 422),
        (typed(InvalidInput, "leaf_too_large"), 422),
        (typed(InvalidInput, "index_malformed"), 400),
        (typed(EvidenceRejected, "proof_invalid"), 422),
        (typed(ConfigError, "anything"), 500),
        (AssayError("internal", "x", remedy="y"), 500),
    ],
)
def test_a_typed_error_has_the_status_of_its_code_or_family(error: AssayError, status: int) -> None:
    assert problem(Service(error=error).post(question())) == (status, error.code)
    assert status_of(error) == status


def test_a_database_that_cannot_be_read_may_be_asked_again() -> None:
    service = Service(archive=ScriptedArchive(error=typed(Unavailable, "database_unavailable")))
    answer = service.get("/v1/log/verification")
    assert problem(answer) == (503, "database_unavailable")
    assert answer.headers["Retry-After"] == "1"


def test_an_unexpected_exception_tells_nobody_what_it_says(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    service = Service(error=ZeroDivisionError("the caller sent hunter2"))
    answer = service.post(question(), headers={"Authorization": f"Bearer {TOKEN}"})
    assert problem(answer) == (500, "internal")
    assert "hunter2" not in answer.text + caplog.text
    assert "unexpected ZeroDivisionError at " in caplog.text
    assert service.world.metrics.failures == {"internal": 1}


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", "Bearer sUp3r-secret", "Basic sUp3r-secret"])
@pytest.mark.parametrize("error", [None, RuntimeError("x"), typed(Unavailable, "log_unavailable")])
def test_a_credential_is_in_no_log_line_and_no_answer(
    caplog: pytest.LogCaptureFixture, header: str, error: Exception | None
) -> None:
    caplog.set_level(logging.DEBUG)
    service = Service(error=error)
    answers = [
        service.post(question(), headers={"Authorization": header}),
        service.get("/v1/decisions", Authorization=header),
        service.get("/nowhere", Authorization=header),
    ]
    said = caplog.text + "".join(answer.text + str(answer.headers) for answer in answers)
    assert "sUp3r-secret" not in said
    assert TOKEN not in said
