"""The sequencer as a process: killed anywhere it loses nothing that was answered and records nothing twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.adapters.log.client import SequencerClient
from assay.adapters.log.draft import Drafting
from assay.adapters.log.state import StateFolder
from assay.domain.decision import Recorded
from assay.domain.errors import Unavailable
from assay.domain.record import DecisionFilter
from assay.tlog.proof import verify_proof
from tests.fakes.decision import denied
from tests.fakes.sequencer import open_archive, running, soon

PROGRAM = "tests.fakes.sequencer_program"


@contextmanager
def _process(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(("service", "webhooks", "builder", "."))}
    process = subprocess.Popen(
        [sys.executable, "-m", PROGRAM, str(folder), *arguments], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def _client(folder: Path) -> SequencerClient:
    return SequencerClient(StateFolder(folder=folder).socket, Drafting(service_version="0.1.0"))


def _record_until_it_dies(folder: Path, most: int = 200) -> tuple[dict[int, Recorded], int]:
    """Record from four threads until the sequencer is gone; what was answered, and how many numbers were tried."""
    answered: dict[int, Recorded] = {}
    tried: set[int] = set()
    client = _client(folder)

    def work(worker: int) -> None:
        for number in range(worker, most, 4):
            tried.add(number)
            try:
                answered[number] = client.record(denied(number), soon())
            except Unavailable:
                return

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    return answered, max(tried) + 1


def _require_all(folder: Path, answered: dict[int, Recorded], most: int) -> None:
    """All that was answered is there, provable and at its place; a repeat of everything leaves everything once."""
    key = StateFolder(folder=folder).verifier_key.read_text("ascii")
    with running(folder) as client:
        for number in range(most):
            again = client.record(denied(number), soon())
            if number in answered:
                assert (again.index, again.leaf) == (answered[number].index, answered[number].leaf)
                verify_proof(answered[number].proof, answered[number].leaf, key)
        archive = open_archive(folder)
        assert client.ping(soon()) == most
    page = archive.list_decisions(DecisionFilter(), tenant=None, limit=1000)
    assert len({item.leaf.id for item in page.decisions}) == len(page.decisions) == most
    walked = archive.walk(0, 1000)
    assert (walked.size, walked.damages) == (most, ())


@pytest.mark.parametrize(
    ("moment", "count"),
    [
        ("BEGIN IMMEDIATE", 5),
        ("SELECT decision.id", 4),
        ("INSERT INTO decision", 3),
        ("INSERT INTO image", 2),
        ("INSERT INTO finding", 4),
        ("INSERT INTO leaf", 5),
        ("INSERT INTO preimage", 3),
        ("INSERT INTO blob", 2),
        ("INSERT INTO node", 4),
        ("INSERT INTO checkpoint", 3),
        ("COMMIT", 6),
        ("COMMITTED", 3),
    ],
)
def test_killed_at_any_statement_it_loses_and_repeats_nothing(tmp_path: Path, moment: str, count: int) -> None:
    folder = tmp_path / "state"
    with _process(folder, moment, str(count)) as process:
        answered, _ = _record_until_it_dies(folder)
        assert process.wait(10) == -signal.SIGKILL
    _require_all(folder, answered, most=40)


def test_killed_from_outside_it_loses_and_repeats_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    answered: dict[int, Recorded] = {}
    most = 0
    for seconds in (0.05, 0.15, 0.3):
        with _process(folder) as process:
            timer = threading.Timer(seconds, process.kill)
            timer.start()
            round_, tried = _record_until_it_dies(folder, most=10_000)
            assert all(answered.get(number, recorded).leaf == recorded.leaf for number, recorded in round_.items())
            answered |= round_
            most = max(most, tried)
            timer.join()
    assert answered
    _require_all(folder, answered, most=most)


def test_told_to_end_it_answers_what_is_queued(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with _process(folder) as process:
        timer = threading.Timer(0.3, process.terminate)
        timer.start()
        answered, _ = _record_until_it_dies(folder, most=10_000)
        timer.join()
        assert process.wait(10) == 0
    with running(folder) as client:
        assert client.ping(soon()) == len(answered)
    assert not open_archive(folder).walk(0, 1000).damages


def test_a_worker_goes_on_after_the_sequencer_was_restarted(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    client = _client(folder)
    for number in range(2):
        with _process(folder):
            assert client.record(denied(number), soon()).index == number
    client.close()


def test_a_dead_sequencer_is_unavailable_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    client = _client(folder)
    with _process(folder):
        client.record(denied(0), soon())
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        client.record(denied(1), soon(30))
    client.close()
    assert caught.value.code == "log_unavailable"
    assert time.monotonic() - started < 5


def test_a_second_process_cannot_write_the_same_log(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with _process(folder):
        second = subprocess.run(
            [sys.executable, "-m", PROGRAM, str(folder)],
            capture_output=True,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(("service", "webhooks", "builder", "."))},
        )
    assert second.returncode != 0
    assert b"another sequencer writes the log" in second.stderr
