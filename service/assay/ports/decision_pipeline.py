"""Recording for a thread that must not wait."""

from collections.abc import Callable
from typing import Protocol

from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded


class DecisionPipeline(Protocol):
    """Records decisions for a thread that must not wait."""

    def record_soon(self, decision: Decision, deadline: Deadline, then: Callable[[Recorded | None], None]) -> None:
        """Begin to record a decision, without a proof, and call `then` once: with the record after the commit.

        With None, at once or later, when it could not be had before the deadline or in this way; then `DecisionLog`
        has to be asked, which may find that the decision was recorded all the same. Raises `InvalidInput` for a
        decision that cannot be recorded.
        """
        ...
