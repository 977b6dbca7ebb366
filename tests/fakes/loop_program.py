"""A program that answers some calls in the loop of its server, for tests of the server."""

import json
import selectors
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assay.adapters.supervision.loop_application import IN_LOOP, LoopApplication
from assay.domain.http_call import HttpCall, HttpReply, Later, LaterReply, Reply
from tests.fakes.web_program import Program, await_file

_LOOK_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    """A call that is answered once the file exists; at the end it is left to `later`."""

    file: Path | None
    reply: Callable[[], None]
    later: Later
    work: Callable[[], HttpReply]

    def is_due(self) -> bool:
        return self.file is None or self.file.exists()


class FilePipeline:
    """Keeps calls until their files exist; what has no file waits for the next turn."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()

    def keep(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)

    def attach(self, poller: selectors.BaseSelector) -> None:
        assert poller.get_map() is not None, "the poller is open"

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            if each.is_due():
                each.reply()
            else:
                self._waiting.append(each)

    def seconds_left(self, most: float) -> float:
        return min(most, _LOOK_SECONDS) if self._waiting else most

    def give_up_late(self) -> None:
        """Nobody is ever late."""

    def close(self) -> None:
        for each in self._waiting:
            each.later(_later(each.work))


class LoopProgram(Program):
    """Answers `/soon` in the loop at once, `/piped` out of a pipeline, `/later` and `/overdue` in a thread.

    The query of these three may name a file, before which there is no answer; `/overdue` is so after a moment.
    `/broken` fails in its thread without a body, `/failing` in the loop; with a body it does so after its answer.
    The query of `/large` tells how many bytes the answer has. Every other path is the program's own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pipeline = FilePipeline()
        loop = LoopApplication(answer_soon=self._answer_soon, pipeline=self._pipeline)
        self.extensions = {**self.extensions, IN_LOOP: loop}

    def _answer_soon(self, call: HttpCall, reply: Reply, later: Later) -> bool:
        file = Path(call.query) if call.query.startswith("/") else None
        work = partial(_tell, call)
        match call.path:
            case "/soon":
                reply(work())
            case "/large":
                reply(_reply(b"x" * int(call.query)))
            case "/piped":
                self._pipeline.keep(_Waiting(file=file, reply=lambda: reply(work()), later=later, work=work))
            case "/later":
                later(_later(partial(_tell_after, file, work)))
            case "/overdue":
                later(_later(partial(_tell_after, file, work), seconds=0.2))
            case "/broken":
                later(_later(lambda: _reply(b"x" * (1 // len(call.body)))))
            case "/failing":
                if call.body:
                    reply(work())
                raise ZeroDivisionError
            case _:
                return False
        return True


def _later(make: Callable[[], HttpReply], *, seconds: float = 600.0) -> LaterReply:
    return LaterReply(make=make, seconds=seconds, overdue=lambda: _reply(b'{"overdue": true}'))


def _tell_after(file: Path | None, work: Callable[[], HttpReply]) -> HttpReply:
    if file is not None:
        await_file(file)
    return work()


def _tell(call: HttpCall) -> HttpReply:
    thread = threading.current_thread().name
    return _reply(json.dumps({"read": len(call.body), "query": call.query, "thread": thread}).encode())


def _reply(body: bytes) -> HttpReply:
    return HttpReply(status="200 OK", content_type="application/json", body=body)


application = LoopProgram()
