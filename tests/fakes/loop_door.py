"""The admission hooks as a server calls them that can answer without a thread."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from assay.domain.admission import AdmissionQuestion
from assay.domain.deadline import Deadline
from assay.domain.http_call import AnswerSoon, HttpCall, HttpReply, LaterReply
from assay_webhooks.admission import Give
from assay_webhooks.application import create_application
from tests.fakes.admission import Json, Webhook


class Way(Enum):
    """Where the engine says what it says."""

    NOW = "at once"
    WAIT = "where somebody may wait"
    WITHIN = "before it has said which"
    HELD = "when the test says so"


@dataclass
class LoopDoor:
    """A webhook whose engine speaks in one way; `replies` and `later` are what was called, `held` what is to be."""

    webhook: Webhook = field(default_factory=Webhook)
    way: Way = Way.NOW
    replies: list[HttpReply] = field(default_factory=list)
    later: list[LaterReply] = field(default_factory=list)
    held: list[Callable[[], None]] = field(default_factory=list)

    def answer_soon(self) -> AnswerSoon:
        """What the application gives to such a server."""
        given: list[AnswerSoon] = []

        def in_loop(answer_soon: AnswerSoon) -> dict[str, object]:
            given.append(answer_soon)
            return {}

        create_application(
            self.webhook.engine.admit,
            self.webhook.metrics,
            tuple,
            self.webhook.clock,
            coverage=self.webhook.coverage,
            admit_soon=self._admit_soon,
            in_loop=in_loop,
        )
        return given[0]

    def call(self, call: HttpCall) -> bool:
        """Whether the door takes a call."""
        return self.answer_soon()(call, self.replies.append, self.later.append)

    def post(
        self, hook: str, body: Json | bytes, *, query: str = "timeout=10s", content_type: str = "application/json"
    ) -> HttpReply:
        """The reply to a call that the door takes; exactly one of the two was called for it, once."""
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        call = HttpCall(method="POST", path=f"/{hook}", query=query, content_type=content_type, body=octets)
        before = len(self.replies) + len(self.later)
        assert self.call(call)
        assert len(self.replies) + len(self.later) == before + 1
        return self.replies.pop() if self.replies else self.later.pop().make()

    def _admit_soon(self, question: AdmissionQuestion, deadline: Deadline, now: Give, wait: Give) -> None:
        engine = self.webhook.engine
        match self.way:
            case Way.NOW:
                now(lambda: engine.admit(question, deadline))
            case Way.WAIT:
                wait(lambda: engine.admit(question, deadline))
            case Way.WITHIN:
                answer = engine.admit(question, deadline)
                now(lambda: answer)
            case Way.HELD:
                self.held.append(lambda: now(lambda: engine.admit(question, deadline)))
