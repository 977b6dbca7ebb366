"""Nothing is sent to an address that could leak it, and nothing is believed that is not an answer."""

import itertools
from collections.abc import Callable

import pytest

from assay.adapters.kms.answer import Answer
from assay.adapters.kms.connection import KmsConnection, scheme_of_host
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, Unavailable
from tests.fakes.clock import FrozenClock
from tests.fakes.http_server import Script, answering

SECRET = "the-token"
STILL = FrozenClock().monotonic


def call(script: Script, clock: Callable[[], float] = STILL) -> tuple[int, Answer]:
    connection = KmsConnection(script.url, service="the service")
    deadline = Deadline.after(30, clock)
    return connection.call("POST", "/v1/sign", deadline, headers={"X-Token": SECRET}, body=b"{}")


def refusal(script: Script) -> str:
    with pytest.raises(Unavailable) as caught:
        call(script)
    assert SECRET not in repr(caught.value) + str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    "address",
    [
        "http://vault.example",
        "http://127.0.0.1.example:8200",
        "ftp://127.0.0.1",
        "https://",
        "https://user:secret@vault.example",
        "https://vault.example?x=y",
        "https://vault.example#f",
        "https://vault.example:0",
        "https://vault.example:port",
        "https://väult.example",
        "vault.example",
        "",
    ],
)
def test_an_address_that_is_not_safe_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        KmsConnection(address, service="the service")
    assert caught.value.code == "kms_address_invalid"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["https://vault.example:8200/base", "http://127.0.0.1:1", "http://[::1]:1"])
def test_https_and_loopback_are_safe(address: str) -> None:
    assert KmsConnection(address, service="the service")


def test_an_answer_is_a_status_and_an_object() -> None:
    with answering(Script(body=b'{"a": "b"}')) as script:
        status, answer = call(script)
        assert (status, answer.text("a")) == (200, "b")
        _, path, headers, body = script.seen[0]
        assert (path, headers["x-token"], body) == ("/v1/sign", SECRET, b"{}")


def test_a_body_of_a_failure_may_be_anything() -> None:
    for body in (b"<html>", b"[]", b""):
        with answering(Script(status=404, body=body)) as script:
            status, answer = call(script)
            assert (status, answer.has("a")) == (404, False)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"a":1,"a":2}', b'"' + b"x" * 1024 * 1024 + b'"'])
def test_a_success_that_is_no_object_is_refused(body: bytes) -> None:
    with answering(Script(body=body)) as script:
        assert refusal(script) == "kms_answer_invalid"


def test_a_redirect_is_not_followed() -> None:
    with answering(Script()) as elsewhere, answering(Script(status=307)) as script:
        script.headers = {"Location": elsewhere.url}
        assert refusal(script) == "kms_answer_invalid"
        assert elsewhere.seen == []


@pytest.mark.parametrize(("status", "code"), [(401, "kms_denied"), (403, "kms_denied"), (503, "kms_unavailable")])
def test_a_refusal_has_a_code(status: int, code: str) -> None:
    with answering(Script(status=status)) as script:
        assert refusal(script) == code


def test_a_service_that_is_not_there_or_breaks_off_is_unavailable() -> None:
    with answering(Script(body=b"{}", length=100)) as script:
        assert refusal(script) == "kms_unavailable"
    assert refusal(script) == "kms_unavailable"


def test_a_body_that_trickles_ends_at_the_deadline() -> None:
    with answering(Script(body=b" " * 1000 + b"{}", seconds_per_octet=0.001)) as script:
        ticks = itertools.count(step=20)
        with pytest.raises(Unavailable) as caught:
            call(script, lambda: float(next(ticks)))
        assert caught.value.code == "deadline_exceeded"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:4566", "localhost:80", "[::1]:80"])
def test_loopback_is_spoken_to_plainly_and_everything_else_is_not(host: str) -> None:
    assert scheme_of_host(host) == "http"
    assert scheme_of_host(f"{host}.example") == "https"


@pytest.mark.parametrize(
    "read",
    [
        lambda answer: answer.text("number"),
        lambda answer: answer.text("absent"),
        lambda answer: answer.text("empty"),
        lambda answer: answer.texts("text"),
        lambda answer: answer.texts("mixed"),
        lambda answer: answer.integer("text"),
        lambda answer: answer.integer("flag"),
        lambda answer: answer.octets("text"),
        lambda answer: answer.section("text"),
        lambda answer: answer.sections("text"),
        lambda answer: answer.sections("mixed"),
    ],
)
def test_a_member_that_is_not_as_documented_is_refused(read: object) -> None:
    members = {"number": 1, "empty": "", "text": "no base64", "mixed": ["a", 1], "flag": True, "objects": [{}]}
    answer = Answer(members, service="the service")
    assert callable(read)
    with pytest.raises(Unavailable) as caught:
        read(answer)
    assert caught.value.code == "kms_answer_invalid"
    assert (answer.integer("number"), answer.flag("flag"), answer.flag("number")) == (1, True, False)
    assert len(answer.sections("objects")) == 1
    assert answer.sections("absent") == []
