"""What the sequencer is asked to record, and whether it did."""

import secrets
from dataclasses import dataclass, field, replace

from assay.adapters.log.rendering import Renderer
from assay.adapters.log.wire import Answer, RecordAnswer, RecordRequest, Refusal
from assay.domain.decision import Decision, Recorded
from assay.domain.errors import InvalidInput, Unavailable
from assay.tlog.leaf import SALT_OCTETS, parse_leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A decision as it is asked to be recorded; `request` turns what is left of its time into the frame of that.

    Asked for again, it is the same record: the sequencer knows the decision by its id.
    """

    decision: Decision
    leaf: bytes = field(repr=False)
    document: bytes = field(repr=False)
    report: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    proven: bool

    def request(self, budget: int) -> RecordRequest:
        """The request to record it within `budget` milliseconds."""
        return RecordRequest(
            budget=budget,
            proven=self.proven,
            leaf=self.leaf,
            document=self.document,
            report=self.report,
            salt=self.salt,
            preimage=self.decision.preimage,
        )

    def recorded(self, answer: Answer) -> Recorded:
        """What the sequencer says of it, when that is about this very decision.

        Raises `Unavailable(log_unavailable)` for anything else, and the error that a refusal stands for.
        """
        answer = require_answer(answer)
        same = isinstance(answer, RecordAnswer) and answer.id == self.decision.id and _is_same(answer.leaf, self.leaf)
        if not isinstance(answer, RecordAnswer) or not same:
            raise unavailable("it answered something else")
        return Recorded(id=answer.id, leaf=answer.leaf or self.leaf, index=answer.index, proof=answer.proof)


class Drafting:
    """Makes drafts; shared by threads, and by all who record in one process."""

    def __init__(self, *, service_version: str) -> None:
        self._renderer = Renderer(service_version=service_version)

    def draft(self, decision: Decision, *, proven: bool) -> Draft:
        """The draft of a decision; raises what `Renderer.render` does."""
        salt = secrets.token_bytes(SALT_OCTETS)
        rendered = self._renderer.render(decision, salt)
        return Draft(
            decision=decision,
            leaf=rendered.leaf,
            document=rendered.document.stream,
            report=rendered.report.stream,
            salt=salt,
            proven=proven,
        )


def require_answer(answer: Answer) -> Answer:
    """An answer that is no refusal; raises the `Unavailable` or `InvalidInput` that a refusal stands for."""
    if isinstance(answer, Refusal):
        family = Unavailable if answer.retryable else InvalidInput
        raise family(answer.code, answer.message, remedy=answer.remedy)
    return answer


def unavailable(why: str) -> Unavailable:
    """The error of a log that did not record."""
    return Unavailable(
        "log_unavailable",
        f"the decision log did not record in time: {why[:200]}",
        remedy="check that the sequencer runs, then repeat the call",
    )


def _is_same(stored: bytes, sent: bytes) -> bool:
    """Whether the stored leaf, if it is another one than was sent, says the same under another salt."""
    if not stored:
        return True
    try:
        return replace(parse_leaf(stored), caller="") == replace(parse_leaf(sent), caller="")
    except InvalidInput:
        return False
