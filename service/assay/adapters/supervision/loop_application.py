"""Applications that answer some calls in the loop of the worker itself, and their replies."""

import selectors
from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol

from assay.domain.http_call import AnswerSoon, HttpReply

IN_LOOP = "assay.in_loop"
"""The extension of a Flask application that holds its `LoopApplication`, if it has one."""


class Pipeline(Protocol):
    """What an application has on its way outside, and what the loop does for it; nothing here waits."""

    def attach(self, poller: selectors.BaseSelector) -> None:
        """Take the poller whose loop calls what is registered with it."""
        ...

    def flush(self) -> None:
        """Send what was gathered in this turn of the loop."""
        ...

    def seconds_left(self, most: float) -> float:
        """How long `give_up_late` has nothing to do, `most` if that is longer."""
        ...

    def give_up_late(self) -> None:
        """Have those go on whose time is over."""
        ...

    def close(self) -> None:
        """End it all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopApplication:
    """Answers what it can without waiting for anybody, and has the rest done in another thread.

    `answer_soon` takes a call, or returns False at once: then the application is called as any other. Of a call that is
    taken exactly one of its two functions is called, now or out of the pipeline, in the thread of the loop: with the
    reply, or with what makes it and may wait. It raises nothing.
    """

    answer_soon: AnswerSoon
    pipeline: Pipeline


def render_reply(reply: HttpReply, *, close: bool) -> bytes:
    """The bytes of a reply (RFC 9112)."""
    head = (
        f"HTTP/1.1 {reply.status}\r\nDate: {formatdate(usegmt=True)}\r\n"
        f"Connection: {'close' if close else 'keep-alive'}\r\n"
        f"Content-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n\r\n"
    )
    return head.encode("ascii") + reply.body
