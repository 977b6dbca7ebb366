"""The client of the service: what it sends, to whom, and which answers it believes."""

import gzip
import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from assay.adapters.service import client as module
from assay.adapters.service.client import HttpServiceClient
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, ConfigError, InvalidInput, Unavailable
from assay.domain.gate import FromRegistry, GateAnswer, GateQuestion
from assay.domain.reference import Repository
from assay.formats.gate import parse_gate_question, render_gate_answer
from tests.fakes.http_server import Script, answering

ARTEFACT = Artefact(repository=Repository.parse("registry.example/app"), digest=Digest.of(b"image"), tag="v1")
QUESTION = GateQuestion(artefact=ARTEFACT, environment="prod", evidence=FromRegistry())
ANSWER = GateAnswer(
    decision_id="01KAQ3V9Y0000000000000000A",
    verdict=Verdict.ALLOW,
    retryable=False,
    artefact=ARTEFACT,
    environment="prod",
    findings=(),
    gaps=(),
    rejected=(),
    leaf=b"{}",
    index=7,
    proof="proof",
)
TOKEN = "s3cr3t"
PROBLEM = {"code": "caller_unknown", "detail": "no", "remedy": "send one", "retryable": False, "status": 401}


def soon(seconds: float = 5) -> Deadline:
    return Deadline.after(seconds, time.monotonic)


def rendered(answer: GateAnswer) -> bytes:
    return json.dumps(render_gate_answer(answer)).encode()


def ask(script: Script, *, token: str = "", deadline: Deadline | None = None) -> GateAnswer:
    with answering(script):
        client = HttpServiceClient(script.url, token=token)
        try:
            return client.ask(QUESTION, deadline or soon())
        finally:
            client.close()


def failure(call: Callable[[], object]) -> AssayError:
    with pytest.raises(AssayError) as caught:
        call()
    return caught.value


def test_a_question_arrives_as_asked_and_the_answer_is_believed() -> None:
    script = Script(body=rendered(ANSWER))
    assert ask(script, token=TOKEN) == ANSWER
    method, path, headers, body = script.seen[0]
    assert (method, path, headers["content-type"]) == ("POST", "/v1/gate", "application/json")
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert parse_gate_question(body, largest=10_000) == QUESTION


def test_without_a_token_none_is_sent() -> None:
    script = Script(body=rendered(ANSWER))
    ask(script)
    assert "authorization" not in script.seen[0][2]


@pytest.mark.parametrize(
    "other",
    [
        replace(ANSWER, artefact=replace(ARTEFACT, digest=Digest.of(b"other"))),
        replace(ANSWER, artefact=replace(ARTEFACT, repository=Repository.parse("registry.example/other"))),
        replace(ANSWER, environment="test"),
    ],
)
def test_an_answer_about_something_else_is_refused(other: GateAnswer) -> None:
    assert failure(lambda: ask(Script(body=rendered(other)))).code == "answer_invalid"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"verdict": "allow"}', b'{"a":1,"a":2}'])
def test_an_answer_that_is_not_fully_understood_is_refused(body: bytes) -> None:
    assert isinstance(failure(lambda: ask(Script(body=body))), InvalidInput)


def test_a_redirect_is_not_followed() -> None:
    with answering(Script(body=rendered(ANSWER))) as elsewhere:
        script = Script(status=307, headers={"Location": f"{elsewhere.url}/v1/gate"})
        error = failure(lambda: ask(script, token=TOKEN))
    assert (error.code, elsewhere.seen) == ("service_unavailable", [])


def test_the_body_of_a_redirect_is_read_within_the_deadline_like_any_other() -> None:
    script = Script(status=307, headers={"Location": "/elsewhere"}, body=b" " * 3000, seconds_per_octet=0.01)
    assert failure(lambda: ask(script, deadline=soon(0.3))).code == "deadline_exceeded"


@pytest.mark.parametrize(
    ("document", "family", "code"),
    [
        (PROBLEM, InvalidInput, "caller_unknown"),
        ({**PROBLEM, "code": "log_overloaded", "retryable": True}, Unavailable, "log_overloaded"),
    ],
)
def test_a_problem_document_is_the_error_it_names(
    document: dict[str, object], family: type[AssayError], code: str
) -> None:
    error = failure(lambda: ask(Script(status=400, body=json.dumps(document).encode())))
    assert (type(error), error.code, error.message, error.remedy) == (family, code, "no", "send one")


def test_the_damaged_part_is_told() -> None:
    document = {**PROBLEM, "code": "record_corrupt", "part": "leaf"}
    error = failure(lambda: ask(Script(status=500, body=json.dumps(document).encode())))
    assert error.message == "no (damaged part: leaf)"


@pytest.mark.parametrize("status", [301, 400, 404, 500, 502])
def test_an_error_without_a_problem_document_may_be_repeated(status: int) -> None:
    error = failure(lambda: ask(Script(status=status, body=b"<html>bad gateway</html>")))
    assert (type(error), error.code) == (Unavailable, "service_unavailable")


def test_nobody_listening_is_unavailable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = HttpServiceClient(f"http://127.0.0.1:{port}", token=TOKEN)
    error = failure(lambda: client.ask(QUESTION, soon()))
    assert error.code == "service_unavailable"
    assert TOKEN not in str(error)


@pytest.mark.parametrize(
    "script",
    [
        Script(body=b"{", length=10),
        Script(body=b"no gzip", headers={"Content-Encoding": "gzip"}),
    ],
)
def test_an_answer_that_breaks_off_is_unavailable(script: Script) -> None:
    assert failure(lambda: ask(script)).code == "service_unavailable"


def test_an_answer_that_trickles_ends_at_the_deadline() -> None:
    begun = time.monotonic()
    script = Script(body=rendered(ANSWER), seconds_per_octet=0.1)
    assert failure(lambda: ask(script, deadline=soon(0.3))).code == "deadline_exceeded"
    assert time.monotonic() - begun < 8


def test_no_time_left_is_told_before_anything_is_sent() -> None:
    script = Script()
    assert failure(lambda: ask(script, deadline=soon(-1))).code == "deadline_exceeded"
    assert script.seen == []


@pytest.mark.parametrize("compressed", [False, True])
def test_an_answer_above_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch, compressed: bool) -> None:  # noqa: FBT001
    monkeypatch.setattr(module, "_LARGEST_ANSWER", 1000)
    body = b" " * 1001
    headers = {"Content-Encoding": "gzip"} if compressed else {}
    script = Script(body=gzip.compress(body) if compressed else body, headers=headers)
    assert failure(lambda: ask(script)).code == "service_unavailable"


def test_reading_passes_parameters_on_and_parses_strictly() -> None:
    with answering(Script(body=b'{"decisions": []}')) as script:
        client = HttpServiceClient(f"{script.url}/")
        assert client.get("/v1/decisions", {"code": "a b"}, soon()) == {"decisions": []}
        script.body = b'{"a": 1, "a": 2}'
        assert failure(lambda: client.get("/v1/decisions", {}, soon())).code == "json_malformed"
        client.close()
    assert script.seen[0][1] == "/v1/decisions?code=a+b"


def test_text_is_text() -> None:
    with answering(Script(body="prüf".encode())) as script:
        client = HttpServiceClient(script.url)
        assert client.get_text("/v1/log/key", soon()) == "prüf"
        script.body = b"\xff"
        assert failure(lambda: client.get_text("/v1/log/key", soon())).code == "answer_invalid"
        client.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "service.example",
        "ftp://service.example",
        "http://",
        "http://[::1",
        "http://host:99999",
        "https://user:hunter2@service.example",
        "https://service.example/?a=hunter2",
        "https://service.example/#a",
    ],
)
def test_what_is_no_url_of_a_service_is_a_configuration_error(url: str) -> None:
    error = failure(lambda: HttpServiceClient(url))
    assert (type(error), error.code) == (ConfigError, "service_url_invalid")
    assert "hunter2" not in str(error)


def test_a_token_goes_in_plain_http_to_this_machine_only() -> None:
    error = failure(lambda: HttpServiceClient("http://service.example", token=TOKEN))
    assert (type(error), error.code) == (ConfigError, "service_url_invalid")
    for url in ("https://service.example", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"):
        HttpServiceClient(url, token=TOKEN).close()
    HttpServiceClient("http://service.example").close()


@pytest.mark.parametrize("token", ["a b", "a\nX-Evil: 1", "schlüssel", "\x7f"])
def test_a_token_that_no_header_can_carry_is_a_configuration_error(token: str) -> None:
    error = failure(lambda: HttpServiceClient("https://service.example", token=token))
    assert (type(error), error.code) == (ConfigError, "token_unusable")
    assert token not in str(error)
