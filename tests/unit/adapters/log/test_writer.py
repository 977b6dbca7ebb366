from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from assay.adapters.log.connection import driver_connection, open_writer
from assay.adapters.log.latest import LatestCheckpoint
from assay.adapters.log.migration import migrate
from assay.adapters.log.startup import open_log
from assay.adapters.log.state import StateFolder, open_state
from assay.adapters.log.ticket import Ticket
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
def clock() -> FrozenClock:
    return FrozenClock(seconds=100)


@pytest.fixture
def writer(engine: Engine, state: StateFolder, clock: FrozenClock) -> Iterator[Writer]:
    key, head = open_log(engine, state, ORIGIN)
    with LatestCheckpoint(state.latest) as latest:
        yield Writer(engine=engine, state=state, latest=latest, key=key, head=head, clock=clock)


def _tickets(*numbers: int | None, deadline: float = 1000) -> list[Ticket]:
    """Tickets for decisions by number, for None a ping."""
    return [
        Ticket(entry=None if number is None else entry_for(denied(number)), deadline=deadline) for number in numbers
    ]


def _said(answers: list[Answer]) -> list[int | str | None]:
    """The index of what was recorded, the code of what was refused."""
    return [
        answer.index if isinstance(answer, RecordAnswer) else answer.code if isinstance(answer, Refusal) else None
        for answer in answers
    ]


def test_a_batch_is_answered_in_its_order_pings_included(writer: Writer) -> None:
    answers = writer.write(_tickets(0, None, 1))
    assert _said(answers) == [0, None, 1]
    assert answers[1] == PingAnswer(size=2)


def test_the_same_decision_twice_in_a_batch_is_one_leaf(writer: Writer) -> None:
    assert _said(writer.write(_tickets(0, 1, 0))) == [0, 1, 0]
    assert _said(writer.write(_tickets(1, 2))) == [1, 2]


def test_what_comes_too_late_is_not_recorded(writer: Writer) -> None:
    assert _said(writer.write(_tickets(0, deadline=100) + _tickets(1))) == ["log_unavailable", 0]


def test_a_batch_that_is_late_as_a_whole_commits_nothing(writer: Writer, engine: Engine) -> None:
    statements = _statements(engine)
    assert _said(writer.write(_tickets(0, deadline=99))) == ["log_unavailable"]
    assert statements == []


def test_a_ping_alone_writes_but_adds_nothing(writer: Writer, engine: Engine) -> None:
    statements = _statements(engine)
    assert writer.write(_tickets(None)) == [PingAnswer(size=0)]
    assert any(statement.startswith("PRAGMA user_version =") for statement in statements)


def _statements(engine: Engine) -> list[str]:
    """What the database is told from now on."""
    statements: list[str] = []
    driver_connection(engine).set_trace_callback(statements.append)
    return statements


@pytest.mark.parametrize("table", ["decision", "checkpoint", "blob"])
def test_a_failed_batch_is_refused_whole_and_the_log_goes_on(writer: Writer, engine: Engine, table: str) -> None:
    driver = driver_connection(engine)
    driver.execute(f"CREATE TEMP TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END")
    assert _said(writer.write(_tickets(0, 1))) == ["log_unavailable"] * 2
    driver.execute("DROP TRIGGER broken")
    assert _said(writer.write(_tickets(1, 2))) == [0, 1]


def test_while_somebody_else_writes_nothing_is_recorded(writer: Writer, engine: Engine, state: StateFolder) -> None:
    driver_connection(engine).execute("PRAGMA busy_timeout = 1")
    other = open_writer(state.database)
    with other.begin():
        assert _said(writer.write(_tickets(0))) == ["log_unavailable"]
    other.dispose()
    assert _said(writer.write(_tickets(0))) == [0]


def test_the_last_checkpoint_is_noted_at_once_and_kept_later(
    writer: Writer, state: StateFolder, clock: FrozenClock
) -> None:
    writer.write(_tickets(0))
    assert "\n1\n" in state.latest.read_text()
    assert "\n0\n" in (state.read_kept() or "")
    clock.seconds += 1
    writer.write(_tickets(1))
    assert "\n1\n" in (state.read_kept() or "")
    writer.write(_tickets(2))
    writer.close()
    assert "\n3\n" in (state.read_kept() or "")


def test_while_the_checkpoint_cannot_be_kept_nothing_more_is_recorded(
    writer: Writer, state: StateFolder, clock: FrozenClock
) -> None:
    state.checkpoint.unlink()
    state.checkpoint.mkdir()
    clock.seconds += 1
    said = _said(writer.write(_tickets(0)))  # on disk before the checkpoint fails
    said += _said(writer.write(_tickets(1)))
    state.checkpoint.rmdir()
    said += _said(writer.write(_tickets(2)))
    assert said == [0, "log_unavailable", 1]
    assert "\n1\n" in (state.read_kept() or "")


def test_an_unexpected_error_is_raised(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("a programming error")

    monkeypatch.setattr("assay.adapters.log.writer.append_batch", crash)
    with pytest.raises(RuntimeError):
        writer.write(_tickets(0))
