"""The two hooks for a server that answers without a thread: the same replies, each call answered once."""

import json
from dataclasses import replace

import pytest

from assay.domain.http_call import AnswerSoon, HttpCall, HttpReply
from assay_webhooks.application import create_application
from tests.fakes.admission import DECISION, DIGEST, UID, Json, ScriptedEngine, Webhook, WebhookMetrics, pod, review
from tests.fakes.clock import FrozenClock
from tests.fakes.loop_door import LoopDoor, Way
from tests.unit.webhooks.test_admission import FAILURES

PINNED = pod(f"nginx:latest@{DIGEST}")
SPOKEN = [Way.NOW, Way.WAIT, Way.WITHIN]
REVIEW = HttpCall(
    method="POST",
    path="/validate",
    query="timeout=10s",
    content_type="application/json",
    body=json.dumps(review(PINNED)).encode(),
)


def response_of(reply: HttpReply) -> Json:
    assert (reply.status, reply.content_type) == ("200 OK", "application/json")
    response: Json = json.loads(reply.body)["response"]
    assert response["uid"] == UID
    return response


def code(reply: HttpReply) -> str:
    response = response_of(reply)
    assert not response["allowed"]
    return str(response["auditAnnotations"]["code"])


@pytest.mark.parametrize("way", SPOKEN)
@pytest.mark.parametrize("hook", ["mutate", "validate"])
def test_a_review_is_answered_wherever_the_engine_speaks(hook: str, way: Way) -> None:
    response = response_of(LoopDoor(way=way).post(hook, review(PINNED)))
    assert response["allowed"]
    assert response["auditAnnotations"]["decision"] == DECISION
    denying = LoopDoor(Webhook(ScriptedEngine({})), way=way)
    assert code(denying.post(hook, review(PINNED))) == "signature.authority"


@pytest.mark.parametrize("way", [Way.NOW, Way.WAIT])
def test_an_answer_is_counted_and_measured_once_and_where_it_is_made(way: Way) -> None:
    door = LoopDoor(way=way)
    assert door.call(REVIEW)
    assert (len(door.replies), len(door.later)) == ((1, 0) if way is Way.NOW else (0, 1))
    assert len(door.webhook.metrics.durations) == len(door.replies)
    for later in door.later:
        later.make()
    assert door.webhook.metrics.admissions == {("validate", "allow", "allowed", False): 1}
    assert [hook for hook, _ in door.webhook.metrics.durations] == ["validate"]


def test_nothing_is_said_before_the_engine_speaks() -> None:
    door = LoopDoor(way=Way.HELD)
    for _ in range(2):
        assert door.call(REVIEW)
    assert (door.replies, door.later) == ([], [])
    for speak in door.held:
        speak()
    assert [response_of(reply)["allowed"] for reply in door.replies] == [True, True]


def test_what_is_recorded_after_the_deadline_is_denied() -> None:
    door = LoopDoor(way=Way.HELD)
    assert door.call(REVIEW)
    door.webhook.clock.seconds += 9
    door.held[0]()
    assert code(door.replies[0]) == "deadline_exceeded"
    assert door.webhook.engine.questions == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", path) for path in ("/", "/healthz", "/mutate/", "/Mutate", "/%6dutate", "/mutate?", "mutate", "*")),
        *((method, "/mutate") for method in ("GET", "HEAD", "PUT", "OPTIONS", "post", "")),
    ],
)
def test_another_call_is_left_to_the_application(method: str, path: str) -> None:
    door = LoopDoor()
    assert not door.call(
        HttpCall(method=method, path=path, query="", content_type="application/json", body=REVIEW.body)
    )
    assert (door.replies, door.later, door.webhook.engine.questions) == ([], [], [])
    assert door.call(REVIEW)


def test_without_an_engine_that_speaks_soon_every_call_is_left_to_the_application() -> None:
    given: list[AnswerSoon] = []

    def in_loop(answer_soon: AnswerSoon) -> dict[str, object]:
        given.append(answer_soon)
        return {}

    create_application(ScriptedEngine({}).admit, WebhookMetrics(), tuple, FrozenClock(), in_loop=in_loop)
    door = LoopDoor()
    assert not given[0](REVIEW, door.replies.append, door.later.append)
    assert (door.replies, door.later) == ([], [])


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"null", b"\xff", b"[" * 10_000])
def test_a_body_that_is_no_review_is_http_400_and_counted(body: bytes) -> None:
    door = LoopDoor()
    reply = door.post("mutate", body)
    assert (reply.status, reply.content_type) == ("400 Bad Request", "text/plain; charset=utf-8")
    assert reply.body.startswith(b"review_malformed: ")
    assert door.webhook.metrics.failures == {"review_malformed": 1}


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/yaml", "application/json-patch+json"])
def test_another_content_type_is_http_415(content_type: str) -> None:
    door = LoopDoor()
    assert door.post("mutate", review(PINNED), content_type=content_type).status == "415 Unsupported Media Type"
    assert door.webhook.metrics.failures == {"content_type_unsupported": 1}
    assert response_of(door.post("mutate", review(PINNED), content_type="application/json; charset=utf-8"))["allowed"]


def test_what_needs_no_engine_is_answered_without_it() -> None:
    door = LoopDoor()
    unchanged = review({**pod("nginx"), "metadata": {}}, old=pod("nginx"), operation="UPDATE")
    assert response_of(door.post("validate", unchanged))["auditAnnotations"] == {"exemption": "images_unchanged"}
    assert code(door.post("validate", review(pod("nginx")))) == "digest_required"
    assert door.webhook.engine.questions == []


@pytest.mark.parametrize("way", SPOKEN)
@pytest.mark.parametrize(("error", "reason", "told"), FAILURES)
def test_whatever_the_engine_raises_is_one_counted_denial(error: Exception, reason: str, told: str, way: Way) -> None:
    door = LoopDoor(Webhook(ScriptedEngine({"*": DIGEST}, error=error)), way=way)
    reply = door.post("mutate", review(PINNED))
    assert (code(reply), response_of(reply)["auditAnnotations"]["reason"]) == (told, reason)
    assert b"EVIL" not in reply.body
    assert door.webhook.metrics.failures == {told: 1}
    assert sum(door.webhook.metrics.admissions.values()) == 1


@pytest.mark.parametrize("way", SPOKEN)
def test_an_engine_that_answers_nothing_is_a_denial(way: Way) -> None:
    door = LoopDoor(way=way)
    door.webhook.engine.admit = lambda *_: None  # type: ignore[assignment, method-assign]  # a broken collaborator
    assert code(door.post("mutate", review(PINNED))) == "internal"


@pytest.mark.parametrize("way", SPOKEN)
def test_a_broken_counter_does_not_undo_the_denial(way: Way) -> None:
    class BrokenMetrics(WebhookMetrics):
        def count_failure(self, code: str) -> None:
            raise OSError(code)

    door = LoopDoor(Webhook(ScriptedEngine({}, error=RuntimeError()), BrokenMetrics()), way=way)
    assert code(door.post("mutate", review(PINNED))) == "internal"


def test_an_unexpected_error_before_the_uid_is_known_is_an_http_error(monkeypatch: pytest.MonkeyPatch) -> None:
    door = LoopDoor()
    monkeypatch.setattr("assay_webhooks.admission.parse_review", lambda _: 1 / 0)
    assert door.post("mutate", review(PINNED)).status == "500 Internal Server Error"
    assert door.webhook.metrics.failures == {"internal": 1}


def test_an_unexpected_error_of_the_object_is_a_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    door = LoopDoor()
    monkeypatch.setattr("assay_webhooks.admission.examine", lambda *_: 1 / 0)
    assert code(door.post("mutate", review(PINNED))) == "internal"
    assert door.webhook.metrics.failures == {"internal": 1}


@pytest.mark.parametrize("way", [Way.NOW, Way.WAIT])
def test_a_server_that_cannot_take_an_answer_is_not_given_another_one(way: Way) -> None:
    door, given = LoopDoor(way=way), []

    def take(answer: object) -> None:
        given.append(answer)
        raise RuntimeError("the connection is gone")

    with pytest.raises(RuntimeError, match="the connection is gone"):
        door.answer_soon()(REVIEW, take, take)
    assert len(given) == 1


@pytest.mark.parametrize(("timeout", "patience"), [("10s", 9.25), ("5s", 4.25), ("1s", 0.85)])
def test_who_has_to_be_waited_for_is_given_up_a_moment_after_the_decision_is_due(timeout: str, patience: float) -> None:
    door = LoopDoor(way=Way.WAIT)
    assert door.call(replace(REVIEW, query=f"timeout={timeout}"))
    (later,) = door.later
    assert later.seconds == pytest.approx(patience)
    assert response_of(later.make())["allowed"]
    overdue = later.overdue()
    assert (code(overdue), response_of(overdue)["allowed"]) == ("deadline_exceeded", False)
    assert response_of(overdue)["auditAnnotations"]["reason"] == "retryable"


def test_a_large_review_is_read_in_a_thread_and_given_up_like_the_others() -> None:
    door = LoopDoor()
    large = json.loads(REVIEW.body)
    large["request"]["object"]["metadata"]["annotations"] = {"note": "x" * 70_000}
    assert door.call(replace(REVIEW, body=json.dumps(large).encode()))
    (later,) = door.later
    assert door.webhook.engine.questions == []
    assert later.seconds == pytest.approx(9.25)
    assert code(later.overdue()) == "deadline_exceeded"
    assert door.webhook.metrics.failures == {"deadline_exceeded": 1}
    assert response_of(later.make())["allowed"]


def test_a_large_body_that_is_no_review_is_told_so_however_late() -> None:
    door = LoopDoor()
    assert door.call(replace(REVIEW, body=b" " * 70_000))
    assert door.later[0].overdue().status == "400 Bad Request"
    assert door.later[0].make().status == "400 Bad Request"


class StoppedClock(FrozenClock):
    """A clock that cannot be read."""

    def monotonic(self) -> float:
        raise OSError("no clock")


def test_a_review_is_denied_when_the_clock_cannot_be_read() -> None:
    door = LoopDoor()
    door.webhook.clock = StoppedClock()
    reply = door.post("mutate", review(PINNED))
    assert (reply.status, code(reply)) == ("200 OK", "internal")
    assert door.webhook.metrics.failures == {"internal": 1}
    assert sum(door.webhook.metrics.admissions.values()) == 1
    assert door.post("mutate", b"{}").status == "400 Bad Request"
    door.webhook.clock = FrozenClock()
    assert response_of(door.post("mutate", review(PINNED)))["allowed"]
