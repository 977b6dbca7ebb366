"""Answers that a worker gives in its loop, without a thread."""

import selectors
import ssl
from collections.abc import Callable
from functools import partial

from assay.adapters.supervision.answering import AnsweringThreads
from assay.adapters.supervision.connection import Connection
from assay.adapters.supervision.loop_application import LoopApplication, render_reply
from assay.adapters.supervision.whole_request import WholeRequest
from assay.domain.http_call import HttpReply


class LoopAnswers:
    """Calls a `LoopApplication`, writes its replies, and looks after its pipeline; for the thread of the loop.

    `answered` is called with whether the connection goes on. What cannot be done without waiting goes to `threads`,
    after `hand_over`.
    """

    def __init__(
        self,
        application: LoopApplication,
        threads: AnsweringThreads,
        *,
        is_ending: Callable[[], bool],
        answered: Callable[[Connection, bool], None],
        hand_over: Callable[[Connection], None],
    ) -> None:
        self._application = application
        self._threads = threads
        self._is_ending = is_ending
        self._answered = answered
        self._hand_over = hand_over

    def begin(self, poller: selectors.BaseSelector) -> None:
        """Let the pipeline use this poller."""
        self._application.pipeline.attach(poller)

    def seconds_left(self, most: float) -> float:
        """How long nothing is late, `most` if that is longer."""
        return self._application.pipeline.seconds_left(most)

    def attend(self) -> None:
        """After each turn of the loop: send what was gathered, and let go of what is late."""
        self._application.pipeline.flush()
        self._application.pipeline.give_up_late()

    def end(self) -> None:
        """End the pipeline."""
        self._application.pipeline.close()

    def take(self, connection: Connection, request: WholeRequest) -> bool:
        """Answer this request, now or soon; False when that is not for the loop."""
        call = request.call
        if call is None:
            return False
        later = partial(self._answer_later, connection, request)
        return self._application.answer_soon(call, partial(self._send, connection, request), later)

    def _answer_later(self, connection: Connection, request: WholeRequest, work: Callable[[], HttpReply]) -> None:
        self._hand_over(connection)
        self._threads.take_later(connection, request, work)

    def _send(self, connection: Connection, request: WholeRequest, reply: HttpReply) -> None:
        close = request.head.closes or self._is_ending()
        octets = render_reply(reply, close=close)
        try:
            sent = connection.sock.send(octets)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            sent = 0
        except OSError:
            sent, close = len(octets), True
        if sent < len(octets):  # a client that does not read holds a thread, for as long as it may
            self._hand_over(connection)
            self._threads.finish(connection, request, octets[sent:], close=close)
        else:
            self._answered(connection, not close)
