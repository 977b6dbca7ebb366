"""A part dies or stands still in the middle of gate calls: never an allow that is not logged, never a hang."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
import requests

from assay.domain.decision import Verdict
from demo.admission import review_of_pod, send_review
from demo.refusal import codes_of
from demo.stack import ENVIRONMENT, Stack, run_assay
from demo.variant import Workbench
from tests.e2e.load import check_calls, check_log, load
from tests.e2e.process_tree import children, descendants, is_running, stands_still, unread_octets
from tests.fixtures.polling import eventually
from tests.fixtures.stacks import SECONDS, MakeSpare, Spare, workbench

DECISION_SECONDS = 3
REVIEWS = 20
CLIENTS = 4
EXIT_RETRY = 3
LONGEST = DECISION_SECONDS + 7.0
LIMITS = f"limits: {{decision_seconds: {DECISION_SECONDS}}}\n"
STANDSTILL = DECISION_SECONDS + 1.0
FINISHES = "finishes what it has begun"
T = TypeVar("T")
SUPERVISED = ["opa", "sequencer", "service"]
REFUSALS = {
    "opa": {"policy_engine_unavailable"},
    "sequencer": {"log_unavailable"},
    "service": {"service_unavailable"},
}
AFTERMATH = {"evidence.allowed", "log_unavailable", "service_unavailable", "deadline_exceeded"}


@pytest.fixture(scope="module")
def spare(make_spare: MakeSpare) -> Spare:
    """A stack that every test here breaks and that repairs itself."""
    made = make_spare(settings=LIMITS)
    made.stack.start()
    return made


def ready(stack: Stack) -> bool:
    try:
        return requests.get(f"{stack.service_url}/readyz", timeout=5).ok
    except requests.RequestException:
        return False


def registry_pid(spare: Spare) -> int:
    assert spare.stack.registry.process is not None
    return spare.stack.registry.process.pid


@pytest.fixture
def repaired(spare: Spare) -> Iterator[Spare]:
    """The stack, ready before and after."""
    if spare.stack.supervisor is None or spare.stack.supervisor.poll() is not None:
        spare.stack.start_service()
    eventually(lambda: ready(spare.stack), "a stack that is ready")
    yield spare
    eventually(lambda: ready(spare.stack), "a stack that is ready again")


@pytest.mark.parametrize("name", SUPERVISED)
def test_a_killed_part_is_started_again_and_nothing_answered_is_lost(repaired: Spare, name: str) -> None:
    stack = repaired.stack
    killed = stack.child(name)
    with load(repaired) as running:
        os.kill(killed, signal.SIGKILL)
        running.await_refusal()
        eventually(lambda: ready(stack), f"{name} to be started again")
        running.await_allow()
    assert stack.child(name) != killed
    # While the service starts again, connections wait at the supervisor's socket for as long as their client does.
    check_calls(running, longest=LONGEST + SECONDS if name == "service" else LONGEST)
    assert running.codes & REFUSALS[name]
    check_log(stack, running.answers)


def test_a_killed_worker_is_replaced_and_nothing_answered_is_lost(repaired: Spare) -> None:
    stack = repaired.stack
    with load(repaired) as running:
        worker = next(children(stack.child("service")))
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: len(list(children(stack.child("service")))) == stack.workers, "a new worker")
        running.await_allow()
    check_calls(running, longest=LONGEST)
    assert running.codes <= {"service_unavailable"}
    check_log(stack, running.answers)


@pytest.mark.parametrize("name", ["opa", "sequencer"])
def test_a_part_that_stands_still_delays_no_call_beyond_the_deadline(repaired: Spare, name: str) -> None:
    stack = repaired.stack
    with load(repaired) as running, stands_still(stack.child(name)):
        time.sleep(STANDSTILL)
    with load(repaired) as after:
        pass
    check_calls(running, longest=LONGEST)
    assert running.codes
    assert running.codes <= REFUSALS[name] | AFTERMATH
    check_log(stack, [*running.answers, *after.answers])


def test_an_engine_that_stands_still_is_the_reason_of_a_recorded_refusal(repaired: Spare) -> None:
    stack, released = repaired.stack, repaired.released
    with workbench(stack, released) as bench, stands_still(stack.child("opa")):
        answer = bench.gate(released.digest)
    assert (answer.verdict, answer.retryable) == (Verdict.DENY, True)
    assert "policy_engine_unavailable" in codes_of(answer)
    check_log(stack, [answer])


def test_a_registry_that_stands_still_is_the_reason_of_a_recorded_refusal(repaired: Spare) -> None:
    stack, released = repaired.stack, repaired.released
    begun = time.monotonic()
    with stands_still(registry_pid(repaired)):
        response = send_review(stack, "mutate", review_of_pod(released.tagged), timeout="3s")
    assert time.monotonic() - begun < 3
    assert not response["allowed"]
    assert response["auditAnnotations"]["reason"] == "retryable"
    assert response["auditAnnotations"]["code"] in {"deadline_exceeded", "registry_unavailable"}
    decision = response["auditAnnotations"]["decision"]
    record = requests.get(f"{stack.service_url}/v1/decisions/{decision}", timeout=10).json()
    assert record["verdict"] == "indeterminate"


def test_reviews_around_a_killed_engine_are_decided_in_the_log_or_denied(repaired: Spare) -> None:
    stack = repaired.stack
    responses = []
    for number in range(REVIEWS):
        if number == REVIEWS // 2:
            os.kill(stack.child("opa"), signal.SIGKILL)
        review = review_of_pod(repaired.released.tagged)
        review["request"]["namespace"] = f"shop-{number}"  # one that was answered before needs no engine
        responses.append(send_review(stack, "mutate", review))
    denied = [response for response in responses if not response["allowed"]]
    assert denied
    assert {response["auditAnnotations"]["reason"] for response in denied} == {"retryable"}
    listed = requests.get(f"{stack.service_url}/v1/decisions", params={"kind": "admission"}, timeout=10).json()
    verdicts = {entry["id"]: entry["verdict"] for entry in listed["decisions"]}
    for response in responses:
        logged = verdicts[response["auditAnnotations"]["decision"]]
        assert (logged == "allow") is response["allowed"]


@contextmanager
def reviewing(stack: Stack, review: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """The responses to one review that clients send over and over; any failure of theirs fails the test."""
    responses: list[dict[str, Any]] = []
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            responses.append(send_review(stack, "validate", review))

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(send) for _ in range(CLIENTS)]
        try:
            yield responses
        finally:
            stop.set()
    for client in clients:
        client.result()


def test_reviews_given_again_around_a_killed_sequencer_are_in_the_log_or_denied(repaired: Spare) -> None:
    stack = repaired.stack
    with reviewing(stack, review_of_pod(repaired.released.pinned)) as responses:
        eventually(lambda: len(responses) >= REVIEWS, "reviews")
        os.kill(stack.child("sequencer"), signal.SIGKILL)
        eventually(lambda: not all(response["allowed"] for response in responses), "a denial")
        eventually(lambda: ready(stack), "a stack that is ready again")
        seen = len(responses)
        eventually(lambda: any(response["allowed"] for response in responses[seen:]), "an allow")
    denied = [response["auditAnnotations"] for response in responses if not response["allowed"]]
    assert {annotations["reason"] for annotations in denied} == {"retryable"}
    assert {annotations["code"] for annotations in denied} <= {"log_unavailable", "deadline_exceeded"}
    allowed = [response["auditAnnotations"]["decision"] for response in responses if response["allowed"]]
    assert len(set(allowed)) == len(allowed)
    with requests.Session() as session:
        for decision in allowed:
            record = session.get(f"{stack.service_url}/v1/decisions/{decision}", timeout=10).json()
            assert (record["id"], record["verdict"]) == (decision, "allow")


def test_a_registry_that_stands_still_delays_no_call_beyond_the_deadline(repaired: Spare) -> None:
    with load(repaired) as running, stands_still(registry_pid(repaired)):
        time.sleep(STANDSTILL)
    with load(repaired) as after:
        pass
    check_calls(running, longest=LONGEST)
    assert {"registry_unavailable", "deadline_exceeded"} & running.codes
    check_log(repaired.stack, [*running.answers, *after.answers])


def test_a_killed_registry_is_a_retryable_refusal_until_it_is_back(repaired: Spare) -> None:
    with load(repaired) as running:
        os.kill(registry_pid(repaired), signal.SIGKILL)
        running.await_refusal()
    asked = ("gate", "--environment", ENVIRONMENT, "--service", repaired.stack.service_url, repaired.released.pinned)
    assert run_assay(*asked, check=False).returncode == EXIT_RETRY
    repaired.stack.registry.stop()
    repaired.stack.registry.start()
    with load(repaired) as after:
        pass
    check_calls(running, longest=LONGEST)
    assert "registry_unavailable" in running.codes
    check_log(repaired.stack, [*running.answers, *after.answers])


def test_a_killed_supervisor_takes_everything_with_it_and_the_log_goes_on(repaired: Spare) -> None:
    stack = repaired.stack
    assert stack.supervisor is not None
    key = (stack.state / "checkpoint.pub").read_text()
    with load(repaired) as running:
        below = descendants(stack.supervisor.pid)
        stack.supervisor.kill()
        eventually(lambda: not any(map(is_running, below)), "every process to be gone")
        running.await_refusal()
    stack.supervisor.wait()
    assert len(below) == 4 + 2 * stack.workers
    assert "service_unavailable" in running.codes
    assert running.codes <= AFTERMATH | REFUSALS["opa"]
    stack.start_service()
    with load(repaired) as after:
        pass
    assert (stack.state / "checkpoint.pub").read_text() == key
    indexes = [answer.index for answer in (*running.answers, *after.answers)]
    assert len(set(indexes)) == len(indexes)
    assert min(answer.index for answer in after.answers) > max(answer.index for answer in running.answers)
    check_log(stack, [*running.answers, *after.answers])


@pytest.fixture
def served(repaired: Spare) -> Iterator[Workbench]:
    with workbench(repaired.stack, repaired.released) as bench:
        yield bench


def end_in_the_middle(spare: Spare, ask: Callable[[], T]) -> T:
    """The answer to a question during which the service was told to end."""
    stack, log = spare.stack, spare.stack.folder / "service.log"
    assert stack.supervisor is not None
    before = log.read_text().count(FINISHES)
    with ThreadPoolExecutor(1) as pool:
        with stands_still(registry_pid(spare)):
            answer = pool.submit(ask)
            eventually(lambda: unread_octets(stack.registry.port), "a question to the registry")
            stack.supervisor.terminate()
            eventually(lambda: log.read_text().count(FINISHES) == before + 2, "both servers to be told")
            assert not answer.done()
        result = answer.result()
    assert stack.supervisor.wait(20) == 0
    return result


def test_sigterm_finishes_the_gate_call_in_flight(repaired: Spare, served: Workbench) -> None:
    answer = end_in_the_middle(repaired, lambda: served.gate(repaired.released.digest))
    assert answer.verdict is Verdict.ALLOW
    repaired.stack.start_service()
    check_log(repaired.stack, [answer])


def test_sigterm_finishes_the_review_in_flight(repaired: Spare) -> None:
    stack = repaired.stack
    response = end_in_the_middle(
        repaired, lambda: send_review(stack, "mutate", review_of_pod(repaired.released.tagged))
    )
    assert response["allowed"]
    stack.start_service()
    decision = response["auditAnnotations"]["decision"]
    record = requests.get(f"{stack.service_url}/v1/decisions/{decision}", timeout=10).json()
    assert record["verdict"] == "allow"


def test_a_second_service_on_the_same_state_is_refused_and_harms_nothing(repaired: Spare) -> None:
    first = repaired.stack
    endpoints = (first.state / "endpoints.json").read_text()
    with load(repaired) as running:
        second = run_assay("serve", "--config", str(first.configuration), check=False)
        running.await_allow()
    assert second.returncode == 2
    assert "already_running" in second.stderr
    assert str(first.state) in second.stderr
    assert (first.state / "endpoints.json").read_text() == endpoints
    assert all(call.allowed for call in running.calls)
