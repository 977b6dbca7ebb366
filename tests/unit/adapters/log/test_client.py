import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from assay.adapters.log.client import SequencerClient
from assay.adapters.log.draft import Drafting
from assay.adapters.log.wire import (
    Answer,
    PingAnswer,
    RecordAnswer,
    RecordRequest,
    Refusal,
    parse_request,
    receive_frame,
    render_answer,
    render_frame,
)
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput, Unavailable
from tests.fakes.decision import denied
from tests.fakes.leaf import leaf_for
from tests.fakes.sequencer import running, soon
from tests.fakes.socket_peer import listening


def _answering(*answers: Answer | bytes) -> Callable[[socket.socket], None]:
    def script(connection: socket.socket) -> None:
        for answer in answers:
            assert receive_frame(connection, lambda: 5) is not None
            connection.sendall(render_frame(answer if isinstance(answer, bytes) else render_answer(answer)))

    return script


def _client(tmp_path: Path) -> SequencerClient:
    return SequencerClient(tmp_path / "s", Drafting(service_version="0.1.0"))


def _ping_code(client: SequencerClient) -> str:
    with pytest.raises((Unavailable, InvalidInput)) as caught:
        client.ping(soon())
    return caught.value.code


def test_a_connection_is_used_again(tmp_path: Path) -> None:
    client = _client(tmp_path)
    with listening(tmp_path / "s", _answering(PingAnswer(size=1), PingAnswer(size=2))):
        assert [client.ping(soon()), client.ping(soon())] == [1, 2]
    client.close()


def test_a_connection_that_died_is_replaced_once(tmp_path: Path) -> None:
    client = _client(tmp_path)
    with listening(tmp_path / "s", _answering(PingAnswer(size=1)), _answering(PingAnswer(size=2))):
        assert [client.ping(soon()), client.ping(soon())] == [1, 2]
    client.close()
    with listening(tmp_path / "t", _answering()):
        assert _ping_code(SequencerClient(tmp_path / "t", Drafting(service_version="1"))) == "log_unavailable"


def test_without_a_sequencer_the_log_is_unavailable(tmp_path: Path) -> None:
    assert _ping_code(_client(tmp_path)) == "log_unavailable"


def test_no_time_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        _client(tmp_path).record(denied(), Deadline(at=0, clock=lambda: 1))
    assert caught.value.code == "log_unavailable"


def test_a_sequencer_that_hangs_costs_no_more_than_the_deadline(tmp_path: Path) -> None:
    release = threading.Event()
    client = _client(tmp_path)
    with listening(tmp_path / "s", _answering(PingAnswer(size=1)), lambda _: release.wait(10)):
        client.ping(soon())
        with pytest.raises(Unavailable) as caught:
            client.ping(soon(0.05))
        release.set()
    assert caught.value.code == "log_unavailable"


def test_an_idle_connection_that_hangs_is_not_asked_twice(tmp_path: Path) -> None:
    client, release = _client(tmp_path), threading.Event()

    def answer_then_hang(connection: socket.socket) -> None:
        _answering(PingAnswer(size=1))(connection)
        release.wait(10)

    with listening(tmp_path / "s", answer_then_hang):
        client.ping(soon())
        with pytest.raises(Unavailable) as caught:
            client.ping(soon(0.05))
        release.set()
    assert caught.value.code == "log_unavailable"


@pytest.mark.parametrize("answer", [b"{}", RecordAnswer(id="x", index=0, leaf=b"", proof="")])
def test_an_answer_to_something_else_is_no_answer(tmp_path: Path, answer: Answer | bytes) -> None:
    client = _client(tmp_path)
    with listening(tmp_path / "s", _answering(answer)):
        assert _ping_code(client) == "log_unavailable"
    client.close()


def test_the_record_of_another_decision_is_no_answer(tmp_path: Path) -> None:
    client = _client(tmp_path)
    other = _answering(RecordAnswer(id="other", index=0, leaf=b"", proof=""))
    with listening(tmp_path / "s", other), pytest.raises(Unavailable) as caught:
        client.record(denied(), soon())
    client.close()
    assert caught.value.code == "log_unavailable"


@pytest.mark.parametrize("leaf", [b"{}", leaf_for(replace(denied(), tenant="other"))])
def test_another_leaf_under_the_same_id_is_no_answer(tmp_path: Path, leaf: bytes) -> None:
    client = _client(tmp_path)
    answer = RecordAnswer(id=denied().id, index=0, leaf=leaf, proof="")
    with listening(tmp_path / "s", _answering(answer)), pytest.raises(Unavailable) as caught:
        client.record(denied(), soon())
    client.close()
    assert caught.value.code == "log_unavailable"


@pytest.mark.parametrize("family", [Unavailable, InvalidInput])
def test_a_refusal_becomes_an_error_of_its_family(tmp_path: Path, family: type[Exception]) -> None:
    client = _client(tmp_path)
    refusal = Refusal(code="log_overloaded", message="full", remedy="wait", retryable=family is Unavailable)
    with listening(tmp_path / "s", _answering(refusal)), pytest.raises(family) as caught:
        client.ping(soon())
    client.close()
    assert str(caught.value) == "full; wait"


def test_every_record_has_its_own_salt_and_the_time_that_is_left(tmp_path: Path) -> None:
    seen: list[RecordRequest] = []

    def script(connection: socket.socket) -> None:
        octets = receive_frame(connection, lambda: 5)
        request = parse_request(octets or b"")
        assert isinstance(request, RecordRequest)
        seen.append(request)

    client = _client(tmp_path)
    with listening(tmp_path / "s", script, script):
        for _ in range(2):
            with pytest.raises(Unavailable):
                client.record(denied(), soon(10))
    assert seen[0].salt != seen[1].salt
    assert all(9_000 < request.budget <= 10_000 for request in seen)


def test_a_forked_child_opens_its_own_connection(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        client.record(denied(0), soon())
        child = os.fork()
        if child == 0:
            try:
                client.record(denied(1), soon())
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert [client.record(denied(number), soon()).index for number in range(3)] == [0, 1, 2]


def test_an_answer_that_trickles_ends_at_the_deadline(tmp_path: Path) -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"\x00\x00\xff\xff")
        with suppress(OSError):
            while True:
                connection.sendall(b" ")
                time.sleep(0.02)

    client = _client(tmp_path)
    with listening(tmp_path / "s", trickle):
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            client.ping(Deadline.after(0.3, time.monotonic))
        assert caught.value.code == "log_unavailable"
        assert time.monotonic() - began < 10
