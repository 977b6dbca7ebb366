import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from assay.adapters.log.connection import migrate, open_writer
from assay.adapters.log.inbox import Inbox, Ticket
from assay.adapters.log.startup import open_log
from assay.adapters.log.state import StateFolder, open_state
from assay.adapters.log.wire import Answer, PingAnswer, RecordAnswer, Refusal
from assay.adapters.log.writer import Writer
from tests.fakes.clock import FrozenClock
from tests.fakes.decision import denied
from tests.fakes.entry import entry_for

ORIGIN = "example.org/assay/test"


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return open_state(tmp_path / "state")


@pytest.fixture
def engine(state: StateFolder) -> Iterator[Engine]:
    engine = open_writer(state.database)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(places=400, octets=10_000_000)


@pytest.fixture
def writer(engine: Engine, state: StateFolder, inbox: Inbox) -> Writer:
    key, head = open_log(engine, state, ORIGIN)
    return Writer(engine=engine, state=state, key=key, head=head, inbox=inbox, clock=FrozenClock(seconds=100))


def _queue(inbox: Inbox, *numbers: int | None, deadline: float = 101) -> list[Ticket]:
    """Tickets for decisions by number, for None a ping."""
    tickets = [
        Ticket(entry=None if number is None else entry_for(denied(number)), octets=1, deadline=deadline)
        for number in numbers
    ]
    for ticket in tickets:
        inbox.put(ticket)
    return tickets


def _run(writer: Writer, inbox: Inbox) -> None:
    inbox.close()
    writer.run(threading.Event())


def _indexes(tickets: list[Ticket]) -> list[int | None]:
    answers = [ticket.wait(0) for ticket in tickets]
    return [answer.index if isinstance(answer, RecordAnswer) else None for answer in answers]


def _code(answer: Answer | None) -> str:
    return answer.code if isinstance(answer, Refusal) else ""


def test_a_batch_is_answered_in_its_order_pings_included(writer: Writer, inbox: Inbox) -> None:
    tickets = _queue(inbox, 0, None, 1)
    _run(writer, inbox)
    assert _indexes(tickets) == [0, None, 1]
    assert tickets[1].wait(0) == PingAnswer(size=2)


def test_what_comes_too_late_is_not_recorded(writer: Writer, inbox: Inbox) -> None:
    late = _queue(inbox, 0, deadline=100)
    in_time = _queue(inbox, 1)
    _run(writer, inbox)
    assert _code(late[0].wait(0)) == "log_unavailable"
    assert _indexes(in_time) == [0]


def test_a_batch_that_is_late_as_a_whole_commits_nothing(writer: Writer, inbox: Inbox, state: StateFolder) -> None:
    before = state.read_checkpoint()
    late = _queue(inbox, 0, deadline=99)
    _run(writer, inbox)
    assert _code(late[0].wait(0)) == "log_unavailable"
    assert state.read_checkpoint() == before


def test_a_ping_alone_writes_but_adds_nothing(writer: Writer, inbox: Inbox, engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    (ping,) = _queue(inbox, None)
    _run(writer, inbox)
    assert ping.wait(0) == PingAnswer(size=0)
    assert any(statement.startswith("PRAGMA user_version =") for statement in statements)


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT INTO decision", "INSERT INTO checkpoint", "INSERT INTO blob"])
def test_a_failed_batch_is_refused_whole_and_the_log_goes_on(
    writer: Writer, inbox: Inbox, engine: Engine, statement: str
) -> None:
    failures = ["INSERT INTO nothing"]

    def fail(*arguments: object) -> tuple[object, object]:
        text, parameters = arguments[2], arguments[3]
        broken = str(text).startswith(statement) and failures
        return (failures.pop(), ()) if broken else (text, parameters)

    event.listen(engine, "before_cursor_execute", fail, retval=True)
    broken = _queue(inbox, 0, 1)
    thread = threading.Thread(target=writer.run, args=(threading.Event(),))
    thread.start()
    assert [_code(ticket.wait(5)) for ticket in broken] == ["log_unavailable"] * 2
    good = _queue(inbox, 1, 2)
    assert [ticket.wait(5) is not None for ticket in good] == [True, True]
    inbox.close()
    thread.join()
    assert _indexes(good) == [0, 1]


def test_while_the_checkpoint_cannot_be_remembered_nothing_more_is_recorded(
    writer: Writer, inbox: Inbox, state: StateFolder
) -> None:
    state.checkpoint.unlink()
    state.checkpoint.mkdir()
    thread = threading.Thread(target=writer.run, args=(threading.Event(),))
    thread.start()
    answers = [_queue(inbox, 0)[0].wait(10)]  # on disk before the checkpoint fails
    answers.append(_queue(inbox, 1)[0].wait(10))
    state.checkpoint.rmdir()
    answers.append(_queue(inbox, 2)[0].wait(10))
    inbox.close()
    thread.join()
    assert [answer.index if isinstance(answer, RecordAnswer) else _code(answer) for answer in answers] == [
        0,
        "log_unavailable",
        1,
    ]
    assert writer.failure is None
    assert "\n2\n" in (state.read_checkpoint() or "")


def test_tickets_behind_an_unexpected_error_are_refused(writer: Writer, inbox: Inbox, engine: Engine) -> None:
    def crash(*_arguments: object) -> None:
        raise RuntimeError("a programming error")

    event.listen(engine, "before_cursor_execute", crash)
    waiting = _queue(inbox, *range(300))
    writer.run(threading.Event())
    assert isinstance(writer.failure, RuntimeError)
    assert {_code(ticket.wait(0)) for ticket in waiting} == {"log_unavailable"}
