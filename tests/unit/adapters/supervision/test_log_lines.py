"""Log lines, one by one and gathered."""

import io
import logging
from collections.abc import Iterator

import pytest

from assay.adapters.supervision.log_lines import LogLines
from tests.fixtures.polling import eventually


class _Counted(io.StringIO):
    """Counts how often it was written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


@pytest.fixture
def stream() -> _Counted:
    return _Counted()


@pytest.fixture
def lines(stream: _Counted) -> Iterator[LogLines]:
    handler = LogLines(stream)
    yield handler
    handler.close()


def log(lines: LogLines, text: str, level: int = logging.INFO) -> None:
    lines.handle(logging.LogRecord("assay", level, "", 0, text, None, None))


def test_a_line_is_written_at_once_before_anything_gathers(lines: LogLines, stream: _Counted) -> None:
    log(lines, "one")
    assert stream.getvalue().endswith(" INFO assay one\n")


def test_gathered_lines_come_in_their_order_and_few_calls(lines: LogLines, stream: _Counted) -> None:
    lines.gather()
    for number in range(1000):
        log(lines, f"number {number}")
    eventually(lambda: stream.getvalue().count("\n") == 1000, "the lines")
    assert [int(line.rpartition(" ")[2]) for line in stream.getvalue().splitlines()] == list(range(1000))
    assert stream.writes < 500


def test_a_warning_is_written_at_once_behind_what_came_before(lines: LogLines, stream: _Counted) -> None:
    lines.gather()
    log(lines, "before")
    log(lines, "look", logging.WARNING)
    assert [line.rpartition(" ")[2] for line in stream.getvalue().splitlines()] == ["before", "look"]


def test_what_is_gathered_is_written_on_demand_and_once(lines: LogLines, stream: _Counted) -> None:
    lines.gather()
    log(lines, "one")
    lines.flush()
    lines.flush()
    assert stream.getvalue().count("one") == 1


def test_a_reader_that_has_gone_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    closed = io.StringIO()
    handler = LogLines(closed)
    closed.close()
    log(handler, "lost")
    assert "closed file" in capsys.readouterr().err
    handler.gather()
    handler.close()
