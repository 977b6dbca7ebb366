import socket
import stat
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from assay.adapters.log.connection import open_reader, snapshot
from assay.adapters.log.schema import CHECKPOINT
from assay.adapters.log.state import StateFolder
from assay.adapters.log.wire import (
    LARGEST_FRAME,
    Answer,
    PingRequest,
    Refusal,
    parse_answer,
    receive_frame,
    render_frame,
    render_request,
)
from assay.domain.errors import ConfigError, InvalidInput, Unavailable
from assay.tlog.proof import verify_proof
from tests.fakes.decision import denied
from tests.fakes.sequencer import running, soon


def _connect(folder: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(10)
    connection.connect(str(StateFolder(folder=folder).socket))
    return connection


def _ask(connection: socket.socket, octets: bytes) -> Answer:
    connection.sendall(render_frame(octets))
    return parse_answer(receive_frame(connection, lambda: 10) or b"")


def test_a_recorded_decision_can_be_proven_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        recorded = client.record(denied(), soon())
        key = StateFolder(folder=tmp_path / "state").verifier_key.read_text("ascii")
        assert verify_proof(recorded.proof, recorded.leaf, key).index == recorded.index == 0


def test_recording_twice_records_once(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        assert client.record(denied(), soon()) == client.record(denied(), soon())
        assert client.ping(soon()) == 1


def test_the_socket_is_ours_alone(tmp_path: Path) -> None:
    with running(tmp_path / "state"):
        mode = StateFolder(folder=tmp_path / "state").socket.stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_a_second_sequencer_is_refused(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        with pytest.raises(ConfigError) as caught, running(tmp_path / "state"):
            pass
        client.record(denied(), soon())
    assert caught.value.code == "sequencer_running"


def test_the_log_goes_on_after_a_restart_and_remembers_its_checkpoint(tmp_path: Path) -> None:
    for number in range(3):
        with running(tmp_path / "state") as client:
            assert client.record(denied(number), soon()).index == number
    assert "\n3\n" in (tmp_path / "state" / "checkpoint").read_text("utf-8")


def test_what_is_queued_together_is_committed_together(tmp_path: Path) -> None:
    def work(worker: int) -> None:
        for number in range(20):
            client.record(denied(worker * 100 + number), soon())

    with running(tmp_path / "state") as client:
        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.ping(soon()) == 160
        with snapshot(open_reader(tmp_path / "state" / "log.db")) as connection:
            commits = connection.execute(select(func.count()).select_from(CHECKPOINT)).scalar_one()
    assert commits < 160


def test_a_decision_that_cannot_be_recorded_is_the_workers_fault(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        client.record(denied(), soon())
        with pytest.raises(InvalidInput) as caught:
            client.record(replace(denied(), environment="elsewhere"), soon())
        assert client.ping(soon()) == 1
    assert caught.value.code == "decision_conflict"


@pytest.mark.parametrize("budget", [0, -1, 600_001])
def test_a_budget_out_of_range_is_refused(tmp_path: Path, budget: int) -> None:
    with running(tmp_path / "state"), _connect(tmp_path / "state") as connection:
        for asked, accepted in ((budget, False), (5000, True)):
            answer = _ask(connection, render_request(PingRequest(budget=asked)))
            assert isinstance(answer, Refusal) is not accepted


def test_nonsense_is_answered_and_an_oversized_frame_ends_the_connection(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client, _connect(tmp_path / "state") as connection:
        answer = _ask(connection, b"{}")
        assert isinstance(answer, Refusal)
        assert answer.code == "frame_malformed"
        connection.sendall((LARGEST_FRAME + 1).to_bytes(4))
        assert receive_frame(connection, lambda: 10) is None
        client.ping(soon())


def _record_with_a_programming_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("a programming error")

    with running(folder) as client:
        monkeypatch.setattr("assay.adapters.log.writer.append_batch", crash)
        with pytest.raises(Unavailable):
            client.record(denied(0), soon())


def test_a_writer_that_ended_ends_the_sequencer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="a programming error"):
        _record_with_a_programming_error(tmp_path / "state", monkeypatch)


def test_idle_connections_do_not_hold_up_the_end(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        connection = _connect(tmp_path / "state")
        client.ping(soon())
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert connection.recv(1) == b""
    connection.close()
