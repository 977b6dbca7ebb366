"""Clients that ask the gate over and over while something is broken, and what must hold of every call."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from assay.adapters.service.client import HttpServiceClient
from assay.domain.artefact import Artefact
from assay.domain.decision import Verdict
from assay.domain.errors import Unavailable
from assay.domain.gate import FromRegistry, GateAnswer, GateQuestion
from assay.formats.member import Members
from assay.tlog.proof import verify_proof
from demo.refusal import codes_of
from demo.stack import ENVIRONMENT, Stack
from tests.fixtures.polling import eventually
from tests.fixtures.stacks import Spare, deadline

CLIENTS = 4
PAUSE = 0.02


@dataclass(frozen=True, kw_only=True)
class Call:
    """What one call came to: an answer, or a failure that says "repeat"."""

    seconds: float
    outcome: GateAnswer | Unavailable

    @property
    def allowed(self) -> bool:
        return isinstance(self.outcome, GateAnswer) and self.outcome.verdict is Verdict.ALLOW


@dataclass(kw_only=True)
class Load:
    """Calls so far; any failure other than `Unavailable` ends its client and fails the test."""

    question: GateQuestion
    url: str
    calls: list[Call] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self, client: HttpServiceClient) -> Call:
        begun = time.monotonic()
        outcome: GateAnswer | Unavailable
        try:
            outcome = client.ask(self.question, deadline())
        except Unavailable as failure:
            outcome = failure
        return Call(seconds=time.monotonic() - begun, outcome=outcome)

    def run(self) -> None:
        client = HttpServiceClient(self.url)
        try:
            while not self.stop.wait(PAUSE):
                self.calls.append(self.ask(client))
        finally:
            client.close()

    def await_allow(self) -> None:
        """Wait for an allow that was asked for after now."""
        seen = len(self.calls) + CLIENTS
        eventually(lambda: any(call.allowed for call in self.calls[seen:]), "an allow")

    def await_refusal(self) -> None:
        """Wait for a call that is answered with something else than an allow."""
        seen = len(self.calls)
        eventually(lambda: not all(call.allowed for call in self.calls[seen:]), "a refusal")

    @property
    def answers(self) -> Sequence[GateAnswer]:
        return [call.outcome for call in self.calls if isinstance(call.outcome, GateAnswer)]

    @property
    def codes(self) -> set[str]:
        """The code of every failure and of every denial."""
        failures = {call.outcome.code for call in self.calls if isinstance(call.outcome, Unavailable)}
        return failures.union(*(codes_of(answer) for answer in self.answers))


@contextmanager
def load(spare: Spare) -> Iterator[Load]:
    """Ask the gate about the released image from several threads; starts once everything is allowed."""
    artefact = Artefact(repository=spare.released.repository, digest=spare.released.digest)
    question = GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=FromRegistry())
    running = Load(question=question, url=spare.stack.service_url)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(running.run) for _ in range(CLIENTS)]
        try:
            running.await_allow()
            yield running
        finally:
            running.stop.set()
    for client in clients:
        client.result()


def check_calls(running: Load, *, longest: float) -> None:
    """No call hung, and what was not allowed says that repeating may help."""
    assert max(call.seconds for call in running.calls) < longest
    refused = [answer for answer in running.answers if answer.verdict is not Verdict.ALLOW]
    assert all(answer.retryable for answer in refused), [codes_of(answer) for answer in refused]


def check_log(stack: Stack, answers: Sequence[GateAnswer]) -> None:
    """Every answer is in the log with its verdict, its proof holds offline, and the log is whole."""
    key = (stack.state / "checkpoint.pub").read_text().strip()
    client = HttpServiceClient(stack.service_url)
    try:
        for answer in answers:
            stored = client.get(f"/v1/decisions/{answer.decision_id}", {}, deadline())
            record = Members(stored, place="answer", code="answer_invalid")
            assert (record.text("verdict"), record.integer("index")) == (answer.verdict.value, answer.index)
            assert verify_proof(answer.proof, answer.leaf, key).index == answer.index
        assert find_damage(client) == []
    finally:
        client.close()


def find_damage(client: HttpServiceClient) -> list[object]:
    """Let the service compare its whole log, page by page."""
    found: list[object] = []
    start: int | None = 0
    while start is not None:
        page = Members(
            client.get("/v1/log/verification", {"start": str(start)}, deadline()), place="answer", code="answer_invalid"
        )
        found += page.sections("damages")
        start = page.optional_integer("next")
    return found
