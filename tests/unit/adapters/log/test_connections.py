import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.adapters.log import connections as connections_module
from assay.adapters.log.connections import Asked, Connections
from assay.adapters.log.ticket import Ticket
from assay.adapters.log.wire import (
    PIECE,
    Answer,
    PingAnswer,
    PingRequest,
    Refusal,
    parse_answer,
    receive_frame,
    render_frame,
    render_request,
)
from tests.fakes.clock import FrozenClock
from tests.fakes.decision import denied
from tests.fakes.entry import request_for

PING = render_frame(render_request(PingRequest(budget=5000)))
RECORD = render_frame(render_request(request_for(denied())))


class Desk:
    """Connections at a socket in a folder, and workers that ask."""

    def __init__(self, path: Path, listener: socket.socket, most: int) -> None:
        self.clock = FrozenClock()
        self.connections = Connections(listener, self.clock, most=most)
        self._path = path

    def connect(self) -> socket.socket:
        worker = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        worker.settimeout(10)
        worker.connect(str(self._path))
        return worker

    def gather(self, enough: Callable[[list[Asked]], bool]) -> list[Asked]:
        """What was asked by the time that there is enough of it."""
        asked: list[Asked] = []
        for _ in range(200):
            asked += self.connections.gather(0.05)
            if enough(asked):
                return asked
        raise AssertionError("it was never enough")


@contextmanager
def opened(path: Path, most: int = 9) -> Iterator[Desk]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        desk = Desk(path, listener, most)
        with desk.connections:
            yield desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opened(tmp_path / "s") as desk:
        yield desk


def _answer(worker: socket.socket) -> Answer:
    return parse_answer(receive_frame(worker, lambda: 10) or b"")


def test_questions_of_several_workers_come_together(desk: Desk) -> None:
    with desk.connect() as first, desk.connect() as second:
        first.sendall(PING)
        second.sendall(RECORD)
        asked = desk.gather(lambda asked: len(asked) == 2)
        tickets = [ticket for _, ticket in asked if isinstance(ticket, Ticket)]
        assert {ticket.entry is None for ticket in tickets} == {True, False}
        assert {ticket.deadline for ticket in tickets} == {1005, 1010}
        for peer, _ in asked:
            desk.connections.answer(peer, [PingAnswer(size=3)])
        assert _answer(first) == _answer(second) == PingAnswer(size=3)


def test_who_came_together_is_waited_for_and_who_is_alone_is_not(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with desk.connect() as first, desk.connect() as second:
        waits: list[float] = []

        def pass_time(seconds: float) -> None:
            waits.append(seconds)
            second.sendall(PING)

        monkeypatch.setattr("assay.adapters.log.connections.time.sleep", pass_time)
        desk.connections.gather(0.01)
        desk.connections.gather(0.01)
        first.sendall(PING)
        second.sendall(PING)
        assert [len(desk.gather(bool)), waits] == [2, []]
        first.sendall(PING)
        assert [len(desk.gather(bool)), len(waits)] == [2, 1]
        monkeypatch.setattr("assay.adapters.log.connections.time.sleep", waits.append)
        for alone in range(8):
            first.sendall(PING)
            assert len(desk.gather(bool)) == 1
            assert (len(waits) == 2 + alone) == (alone < 4)


def test_a_frame_in_pieces_is_one_question(desk: Desk) -> None:
    with desk.connect() as worker:
        for piece in (PING[:2], PING[2:9], PING[9:]):
            worker.sendall(piece)
            asked = desk.connections.gather(5) + desk.connections.gather(0.01)
        assert len(asked) == 1


def test_a_worker_that_goes_away_is_forgotten(desk: Desk) -> None:
    worker = desk.connect()
    worker.sendall(PING)
    ((peer, _),) = desk.gather(bool)
    worker.close()
    desk.gather(lambda _: peer.connection.fileno() < 0)
    desk.connections.answer(peer, [PingAnswer(size=1)])
    with desk.connect() as other:
        other.sendall(PING)
        assert len(desk.gather(bool)) == 1


@pytest.mark.parametrize("sent", [PING[:3], b"\xff" * 4])
def test_who_does_not_keep_to_the_order_is_cut_off(desk: Desk, sent: bytes) -> None:
    with desk.connect() as worker, desk.connect() as good:
        worker.sendall(sent)
        worker.shutdown(socket.SHUT_WR)
        good.sendall(PING)
        asked = desk.gather(lambda asked: bool(asked) and _is_closed(worker))
        assert len(asked) == 1


def _is_closed(worker: socket.socket) -> bool:
    try:
        return _is_readable(worker) and worker.recv(1, socket.MSG_PEEK) == b""
    except ConnectionResetError:
        return True


def _is_readable(worker: socket.socket) -> bool:
    return bool(select.select([worker], [], [], 0)[0])


def test_who_stops_in_the_middle_of_a_frame_is_cut_off_after_a_while(desk: Desk) -> None:
    with desk.connect() as worker:
        worker.sendall(PING[:6])
        for _ in range(3):
            desk.connections.gather(0.05)
        assert not _is_closed(worker)
        desk.clock.seconds += 11
        desk.gather(lambda _: _is_closed(worker))


def test_who_does_not_read_answers_is_cut_off(desk: Desk) -> None:
    with desk.connect() as worker:
        worker.sendall(PING)
        ((peer, _),) = desk.gather(bool)
        while peer.connection.fileno() >= 0:
            desk.connections.answer(peer, [Refusal(code="x" * 10_000, message="", remedy="", retryable=True)])
        assert worker.recv(1)


def test_questions_that_come_at_once_are_answered_in_their_order(desk: Desk) -> None:
    with desk.connect() as worker:
        worker.sendall(RECORD + render_frame(b"{}") + PING + PING[:3])
        asked = desk.gather(lambda asked: len(asked) == 3)
        assert [type(ticket) for _, ticket in asked] == [Ticket, Refusal, Ticket]
        worker.sendall(PING[3:])
        assert len(desk.gather(bool)) == 1


def test_what_cannot_be_recorded_is_refused_and_the_worker_may_ask_again(desk: Desk) -> None:
    with desk.connect() as worker:
        for octets, code in ((b"{}", "frame_malformed"), (render_request(PingRequest(budget=0)), "log_unavailable")):
            worker.sendall(render_frame(octets))
            ((peer, refusal),) = desk.gather(bool)
            assert isinstance(refusal, Refusal)
            desk.connections.answer(peer, [refusal])
            assert _answer(worker) == refusal
            assert refusal.code == code
        worker.sendall(PING)
        assert isinstance(desk.gather(bool)[0][1], Ticket)


def test_more_connections_than_the_limit_are_closed(tmp_path: Path) -> None:
    with opened(tmp_path / "s", most=1) as desk, desk.connect() as first, desk.connect() as second:
        desk.gather(lambda _: _is_closed(second))
        assert not _is_closed(first)


def test_what_there_is_no_room_for_is_dropped_and_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "_MOST_HELD", PIECE)
    with desk.connect() as worker:
        worker.sendall(render_frame(bytes(2 * PIECE)) + PING)
        (_, refusal), (_, ticket) = desk.gather(lambda asked: len(asked) == 2)
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.retryable) == ("log_overloaded", True)
        assert isinstance(ticket, Ticket)
