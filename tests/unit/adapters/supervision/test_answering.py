"""The threads that answer: a connection that is gone costs none of them."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

import pytest

from assay.adapters.supervision.answering import AnsweringThreads
from assay.adapters.supervision.connection import Connection
from assay.domain.server_status import ServerStatus
from tests.unit.adapters.supervision.test_connection import WHOLE, Ends

PATIENCE = 60
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer"


@dataclass
class Worker:
    """A worker as far as the threads know it; `errors` are the requests that failed, `answered` those that ended."""

    cfg: Any = None
    log: Any = None
    wsgi: Any = None
    alive: bool = True
    status: ServerStatus = field(default_factory=ServerStatus)
    errors: list[Exception] = field(default_factory=list)
    answered: SimpleQueue[tuple[Connection, bool]] = field(default_factory=SimpleQueue)

    def handle_error(self, req: object, client: object, addr: object, exc: Exception) -> None:
        del req, client, addr
        self.errors.append(exc)


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def thread(worker: Worker) -> AnsweringThreads:
    """One thread."""
    threads = AnsweringThreads(worker, PATIENCE, lambda *answered: worker.answered.put(answered))
    threads.start(1)
    return threads


@pytest.fixture
def two() -> Iterator[tuple[Ends, Ends]]:
    made = (Ends(), Ends())
    yield made
    for ends in made:
        ends.close()


def answer(thread: AnsweringThreads, worker: Worker, ends: Ends) -> bool:
    """Whether the connection goes on after its answer."""
    thread.finish(ends.connection, ends.send(WHOLE), ANSWER, close=False)
    return ended(worker, ends)


def ended(worker: Worker, ends: Ends) -> bool:
    connection, goes_on = worker.answered.get(timeout=PATIENCE)
    assert connection is ends.connection
    return goes_on


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_connection_that_is_gone_costs_no_thread(
    thread: AnsweringThreads, worker: Worker, two: tuple[Ends, Ends], side: str
) -> None:
    gone, good = two
    request = gone.send(WHOLE)
    (gone.connection.sock if side == "ours" else gone.client).close()
    thread.finish(gone.connection, request, ANSWER, close=False)
    assert not ended(worker, gone)
    assert answer(thread, worker, good)
    assert good.client.recv(1000).endswith(b"\r\n\r\nanswer")
    assert worker.errors == []


def test_an_application_that_fails_is_told_to_the_worker_and_ends_the_connection(
    thread: AnsweringThreads, worker: Worker, two: tuple[Ends, Ends]
) -> None:
    bad, good = two
    request = bad.send(WHOLE)
    request.parse = lambda: 1 // 0
    thread.take(bad.connection, request)
    assert not ended(worker, bad)
    assert [type(error) for error in worker.errors] == [ZeroDivisionError]
    assert answer(thread, worker, good)


def test_work_of_the_loop_is_done_in_a_thread(thread: AnsweringThreads) -> None:
    done: SimpleQueue[str] = SimpleQueue()
    thread.run(lambda: done.put(threading.current_thread().name))
    assert done.get(timeout=PATIENCE) == "answer-0"


def test_the_rest_of_an_answer_is_sent(thread: AnsweringThreads, worker: Worker, two: tuple[Ends, Ends]) -> None:
    for ends, close in zip(two, (False, True), strict=True):
        thread.finish(ends.connection, ends.send(WHOLE), b"the rest", close=close)
        assert ended(worker, ends) is not close
        assert ends.client.recv(1000) == b"the rest"
