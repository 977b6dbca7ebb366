"""A call of HTTP whose body is here, and its reply, for those who answer without a framework."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """What a client asks; `path` and `query` are as they were sent, `content_type` is empty when none was told."""

    method: str
    path: str
    query: str
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """What it is told; `status` is the code with its phrase (`200 OK`)."""

    status: str
    content_type: str
    body: bytes = field(repr=False)


BROKEN = HttpReply(
    status="500 Internal Server Error",
    content_type="text/plain; charset=utf-8",
    body=b"internal: an unexpected error was logged\n",
)
"""The reply of whoever cannot even tell what was asked; an API server takes it for the end of its call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterReply:
    """A reply that somebody has to be waited for, but no longer than `seconds`.

    `make` is called in a thread of its own. When it has not returned by then, the call gets what `overdue` gives at
    once, and what `make` brings later is dropped.
    """

    make: Callable[[], HttpReply]
    seconds: float
    overdue: Callable[[], HttpReply]


Reply = Callable[[HttpReply], None]
Later = Callable[[LaterReply], None]
AnswerSoon = Callable[[HttpCall, Reply, Later], bool]
"""Takes a call, or returns False at once; of one that it takes exactly one of the two is called, once."""
