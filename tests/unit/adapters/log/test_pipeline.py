"""Recording without waiting: many decisions on their way at once, each told of once."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from assay.adapters.log import pipeline as pipeline_module
from assay.adapters.log import wire
from assay.adapters.log.draft import Drafting
from assay.adapters.log.pipeline import RecordPipeline
from assay.adapters.log.state import StateFolder
from assay.adapters.log.wire import (
    Answer,
    PingAnswer,
    RecordAnswer,
    Refusal,
    render_answer,
    render_frame,
)
from assay.domain.compressed import Compressed
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded
from assay.domain.errors import InvalidInput
from assay.ports.decision_pipeline import DecisionPipeline
from assay.tlog.leaf import parse_leaf
from tests.fakes.clock import FrozenClock
from tests.fakes.decision import denied
from tests.fakes.decision_pipeline import MemoryPipeline
from tests.fakes.leaf import leaf_for
from tests.fakes.pipeline_loop import PATIENCE, PipelineLoop
from tests.fakes.sequencer import open_archive, running, soon
from tests.fakes.sequencer_script import Script, saying, take_requests
from tests.fakes.socket_peer import listening


@dataclass
class Desk:
    """A pipeline, its loop, and what was told of each decision, by its id and in order."""

    pipeline: RecordPipeline
    loop: PipelineLoop
    told: list[tuple[str, Recorded | None]] = field(default_factory=list)

    def record(self, decision: Decision, deadline: Deadline | None = None) -> None:
        self.pipeline.record_soon(
            decision, deadline or soon(PATIENCE), lambda done: self.told.append((decision.id, done))
        )

    def settle(self, number: int) -> list[bool]:
        """Whether each of so many decisions was recorded, once all of them have been told of."""
        self.loop.turn_until(lambda: len(self.told) >= number)
        return [recorded is not None for _, recorded in self.told]


@contextmanager
def desk_at(path: Path, clock: Callable[[], float] = time.monotonic) -> Iterator[Desk]:
    pipeline = RecordPipeline(path, Drafting(service_version="0.1.0"), clock)
    with PipelineLoop.around(pipeline) as loop:
        yield Desk(pipeline, loop)


def socket_of(folder: Path) -> Path:
    return StateFolder(folder=folder).socket


def recorded(number: int, **changes: object) -> RecordAnswer:
    answer = RecordAnswer(id=denied(number).id, index=number, leaf=b"", proof="")
    return replace(answer, **changes)  # type: ignore[arg-type]  # of several types


def close_within_an_answer(connection: socket.socket) -> None:
    take_requests(connection, 2)
    connection.sendall(b"\0\0\0\7R")


def large(number: int) -> Decision:
    """A decision whose document does not become small by being compressed, and is more than a socket takes at once."""
    filler = hashlib.shake_256(bytes([number])).hexdigest(400_000)
    document = json.dumps({"evidence": [{"filler": filler}], "request": {}})
    return replace(denied(number), document=Compressed.of(document.encode()))


def test_decisions_of_one_turn_are_recorded_and_told_of_in_order_each_once(tmp_path: Path) -> None:
    with running(tmp_path) as client, desk_at(socket_of(tmp_path)) as desk:
        decisions = [denied(number) for number in range(50)]
        for decision in decisions:
            desk.record(decision)
        assert desk.told == []
        assert desk.settle(50) == [True] * 50
        desk.loop.turn()
        assert [name for name, _ in desk.told] == [decision.id for decision in decisions]
        assert [done.index for _, done in desk.told if done is not None] == list(range(50))
        assert client.ping(soon()) == 50


def test_nobody_is_told_before_the_commit(tmp_path: Path) -> None:
    with running(tmp_path), desk_at(socket_of(tmp_path)) as desk:
        archive, found = open_archive(tmp_path), list[bool]()
        for number in range(5):
            decision = denied(number)

            def look(done: Recorded | None, name: str = decision.id) -> None:
                assert done is not None
                found.append(archive.get_decision(name, tenant=None) is not None)

            desk.pipeline.record_soon(decision, soon(PATIENCE), look)
        desk.loop.turn_until(lambda: len(found) == 5)
        assert all(found)


def test_nobody_is_told_while_the_sequencer_is_silent(tmp_path: Path) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def answer_when_told(connection: socket.socket) -> None:
        take_requests(connection, 1)
        asked.set()
        go_on.wait(PATIENCE)
        connection.sendall(render_frame(render_answer(recorded(0))))

    with listening(tmp_path / "s", answer_when_told), desk_at(tmp_path / "s") as desk:
        desk.record(denied(0))
        desk.loop.turn_until(asked.is_set)
        assert desk.told == []
        go_on.set()
        assert desk.settle(1) == [True]


NOT_THE_RECORD: dict[str, Answer | bytes] = {
    "another decision": recorded(0, id="other"),
    "another leaf": recorded(0, leaf=leaf_for(replace(denied(0), tenant="other"))),
    "no leaf": recorded(0, leaf=b"{}"),
    "a pong": PingAnswer(size=1),
    "no answer": render_frame(b"{}"),
    "an outage": Refusal(code="log_unavailable", message="full", remedy="wait", retryable=True),
    "a refusal": Refusal(code="leaf_malformed", message="bad", remedy="mend it", retryable=False),
}


@pytest.mark.parametrize("answer", NOT_THE_RECORD.values(), ids=NOT_THE_RECORD)
def test_what_is_no_record_of_a_decision_is_none_and_those_behind_it_are_told_theirs(
    tmp_path: Path, answer: Answer | bytes
) -> None:
    with listening(tmp_path / "s", saying(answer, recorded(1))), desk_at(tmp_path / "s") as desk:
        desk.record(denied(0))
        desk.record(denied(1))
        assert desk.settle(2) == [False, True]
        desk.pipeline.close()


BREAKS: dict[str, Script] = {
    "closed": partial(take_requests, number=2),
    "closed before it reads": lambda _: None,
    "closed within an answer": close_within_an_answer,
    "a frame too long": saying(b"\xff" * 4, asked=2),
}


@pytest.mark.parametrize("script", BREAKS.values(), ids=BREAKS)
def test_a_connection_that_breaks_is_none_for_all_and_the_next_one_is_new(tmp_path: Path, script: Script) -> None:
    with listening(tmp_path / "s", script, saying(recorded(2))), desk_at(tmp_path / "s") as desk:
        desk.record(denied(0))
        desk.record(denied(1))
        assert desk.settle(2) == [False, False]
        desk.record(denied(2))
        assert desk.settle(3) == [False, False, True]
        desk.pipeline.close()


def test_an_answer_that_nobody_asked_for_ends_the_connection_and_is_given_to_nobody(tmp_path: Path) -> None:
    script = saying(recorded(0), recorded(1), asked=1)
    with listening(tmp_path / "s", script, saying(recorded(1))), desk_at(tmp_path / "s") as desk:
        desk.record(denied(0))
        assert desk.settle(1) == [True]
        desk.record(denied(1))
        assert desk.settle(2) == [True, True]
        desk.pipeline.close()


def test_without_a_sequencer_nobody_is_kept_waiting(tmp_path: Path) -> None:
    with desk_at(tmp_path / "s") as desk:
        desk.record(denied(0))
        desk.pipeline.flush()
        assert desk.told == [(denied(0).id, None)]


def test_no_time_is_no_record_and_asks_nobody(tmp_path: Path) -> None:
    with listening(tmp_path / "s", saying(recorded(1))), desk_at(tmp_path / "s") as desk:
        desk.record(denied(0), Deadline(at=0, clock=lambda: 0))
        assert desk.told == [(denied(0).id, None)]
        desk.record(denied(1))
        assert desk.settle(2) == [False, True]
        desk.pipeline.close()


def test_who_was_given_up_is_told_once_and_the_late_answer_is_given_to_nobody_else(tmp_path: Path) -> None:
    clock, go_on = FrozenClock(), threading.Event()

    def answer_late(connection: socket.socket) -> None:
        take_requests(connection, 1)
        go_on.wait(PATIENCE)
        connection.sendall(render_frame(render_answer(recorded(0))))
        saying(recorded(1))(connection)

    with listening(tmp_path / "s", answer_late), desk_at(tmp_path / "s", clock.monotonic) as desk:
        desk.record(denied(0), Deadline.after(5, clock.monotonic))
        desk.loop.turn()
        assert (desk.told, desk.pipeline.seconds_left(60)) == ([], 5)
        clock.seconds += 5
        assert desk.settle(1) == [False]
        assert desk.pipeline.seconds_left(60) == 60
        go_on.set()
        desk.record(denied(1), Deadline.after(5, clock.monotonic))
        assert desk.settle(2) == [False, True]
        desk.pipeline.close()


def test_a_hung_sequencer_costs_no_more_than_the_deadline(tmp_path: Path) -> None:
    release = threading.Event()
    with listening(tmp_path / "s", lambda _: release.wait(PATIENCE)), desk_at(tmp_path / "s") as desk:
        desk.record(denied(0), soon(0.05))
        desk.record(denied(1), soon(PATIENCE * 10))
        desk.loop.turn_until(lambda: bool(desk.told))
        release.set()
        assert desk.settle(2) == [False, False]
        assert [name for name, _ in desk.told] == [denied(0).id, denied(1).id]


def test_a_full_pipeline_takes_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "_MOST_WAITING", 2)
    with listening(tmp_path / "s", saying(recorded(0), recorded(1), asked=2)), desk_at(tmp_path / "s") as desk:
        for number in range(3):
            desk.record(denied(number))
        assert desk.told == [(denied(2).id, None)]
        assert desk.settle(3) == [False, True, True]
        desk.pipeline.close()


def test_what_a_socket_does_not_take_at_once_is_sent_as_it_is_read(tmp_path: Path) -> None:
    began = threading.Event()

    def read_late(connection: socket.socket) -> None:
        began.wait(PATIENCE)
        saying(*(recorded(number) for number in range(4)))(connection)

    with listening(tmp_path / "s", read_late), desk_at(tmp_path / "s") as desk:
        for number in range(3):
            desk.record(large(number))
        desk.loop.turn()
        desk.record(denied(3))
        desk.loop.turn()
        assert desk.told == []
        began.set()
        assert desk.settle(4) == [True] * 4
        desk.pipeline.close()


def test_large_decisions_are_recorded_beside_small_ones(tmp_path: Path) -> None:
    with running(tmp_path) as client, desk_at(socket_of(tmp_path)) as desk:
        for number in range(6):
            desk.record(denied(number) if number % 2 else large(number))
        assert desk.settle(6) == [True] * 6
        assert client.ping(soon()) == 6


def test_a_sequencer_that_was_restarted_is_found_again(tmp_path: Path) -> None:
    with desk_at(socket_of(tmp_path)) as desk:
        for number in range(3):
            with running(tmp_path):
                desk.record(denied(number))
                assert desk.settle(number + 1) == [True] * (number + 1)
            desk.loop.turn()  # which sees that the connection has ended


def test_a_decision_that_is_asked_for_again_is_the_same_record(tmp_path: Path) -> None:
    with running(tmp_path) as client, desk_at(socket_of(tmp_path)) as desk:
        desk.record(denied(0))
        assert desk.settle(1) == [True]
        first, again = desk.told[0][1], client.record(denied(0), soon())
        assert first is not None
        assert (again.id, again.index, again.leaf) == (first.id, first.index, first.leaf)
        desk.record(denied(0))
        assert desk.settle(2) == [True, True]
        assert client.ping(soon()) == 1


def test_a_decision_that_was_given_up_on_its_way_is_recorded_once(tmp_path: Path) -> None:
    clock = FrozenClock()
    with running(tmp_path) as client, desk_at(socket_of(tmp_path), clock.monotonic) as desk:
        desk.record(denied(0), Deadline.after(5, clock.monotonic))
        desk.pipeline.flush()
        clock.seconds += 5
        desk.pipeline.give_up_late()
        assert desk.told == [(denied(0).id, None)]
        again = client.record(denied(0), soon())
        assert again.index == 0
        desk.record(denied(1), Deadline.after(5, clock.monotonic))
        assert desk.settle(2) == [False, True]
        assert client.ping(soon()) == 2


def test_who_is_told_may_record_another_one(tmp_path: Path) -> None:
    with running(tmp_path) as client, desk_at(socket_of(tmp_path)) as desk:
        desk.pipeline.record_soon(denied(0), soon(PATIENCE), lambda _: desk.record(denied(1)))
        desk.record(denied(2))
        assert desk.settle(2) == [True, True]
        assert [name for name, _ in desk.told] == [denied(2).id, denied(1).id]
        assert client.ping(soon()) == 3


def test_a_decision_that_cannot_be_recorded_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(tmp_path / "s", saying(recorded(1))), desk_at(tmp_path / "s") as desk:
        with monkeypatch.context() as patched:
            patched.setattr(wire, "LARGEST_FRAME", 100)
            with pytest.raises(InvalidInput) as caught:
                desk.record(denied(0))
        assert (caught.value.code, desk.told) == ("frame_too_large", [])
        desk.record(denied(1))
        assert desk.settle(1) == [True]
        desk.pipeline.close()


def test_a_clock_that_breaks_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = ["once"]

    def clock() -> float:
        if broken:
            raise OSError(f"there is no clock {broken.pop()}")
        return time.monotonic()

    with listening(tmp_path / "s", saying(recorded(1))), desk_at(tmp_path / "s", clock) as desk:
        with pytest.raises(OSError, match="there is no clock"):
            desk.record(denied(0))
        desk.record(denied(1))
        assert desk.settle(1) == [True]
        desk.pipeline.close()


def test_the_end_is_told_to_whoever_waits(tmp_path: Path) -> None:
    with listening(tmp_path / "s", lambda connection: connection.recv(1)), desk_at(tmp_path / "s") as desk:
        desk.record(denied(0))
        desk.pipeline.flush()
        desk.record(denied(1))
        desk.pipeline.close()
        desk.pipeline.close()
        assert desk.told == [(denied(0).id, None), (denied(1).id, None)]


@pytest.mark.parametrize("real", [True, False], ids=["real", "fake"])
def test_the_pipeline_and_its_fake_keep_the_same_promises(tmp_path: Path, *, real: bool) -> None:
    told: list[Recorded | None] = []
    with running(tmp_path), desk_at(socket_of(tmp_path)) as desk:
        pipeline: DecisionPipeline = desk.pipeline if real else MemoryPipeline()
        pipeline.record_soon(denied(0), Deadline(at=0, clock=lambda: 0), told.append)
        assert told == [None]
        for number in (1, 2):
            pipeline.record_soon(denied(number), soon(PATIENCE), told.append)
        desk.loop.turn_until(lambda: len(told) == 3)
        records = [recorded for recorded in told if recorded is not None]
        assert [(recorded.id, recorded.proof) for recorded in records] == [(denied(1).id, ""), (denied(2).id, "")]
        leaves = [replace(parse_leaf(recorded.leaf), caller="") for recorded in records]
        assert leaves == [replace(parse_leaf(leaf_for(denied(number))), caller="") for number in (1, 2)]
