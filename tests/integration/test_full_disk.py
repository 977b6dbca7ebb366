"""A disk that takes no more: nothing is answered that was not recorded, and room makes the log go on."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from assay.adapters.log.client import SequencerClient
from assay.adapters.log.draft import Drafting
from assay.adapters.log.state import StateFolder
from assay.domain.errors import Unavailable
from assay.domain.record import DecisionFilter
from tests.fakes.decision import denied, identifier
from tests.fakes.sequencer import open_archive, soon


@contextmanager
def sequencer(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(("service", "webhooks", "builder", "."))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.sequencer_program", str(folder)], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def connected(folder: Path) -> Iterator[SequencerClient]:
    client = SequencerClient(StateFolder(folder=folder).socket, Drafting(service_version="0.1.0"))
    try:
        yield client
    finally:
        client.close()


def limit_files(process: subprocess.Popen[bytes], octets: int) -> None:
    """Let the process write no file beyond this size: to a database that is what a full disk is."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


def recorded_ids(folder: Path) -> set[str]:
    archive = open_archive(folder)
    assert archive.walk(0, 1000).damages == ()
    page = archive.list_decisions(DecisionFilter(), tenant=None, limit=1000)
    return {decision.leaf.id for decision in page.decisions}


def test_a_full_disk_records_nothing_and_answers_in_time(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with sequencer(folder) as process, connected(folder) as client:
        client.record(denied(0), soon())
        limit_files(process, 1)
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            client.record(denied(1), soon())
        assert caught.value.code == "log_unavailable"
        assert time.monotonic() - began < 10
        assert identifier(1) not in recorded_ids(folder)
        limit_files(process, resource.RLIM_INFINITY)
        client.record(denied(2), soon())
        assert {identifier(0), identifier(2)} <= recorded_ids(folder)


def test_a_disk_that_fills_up_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    folder, answered = tmp_path / "state", set()
    with sequencer(folder) as process, connected(folder) as client:
        limit_files(process, 200_000)
        with suppress(Unavailable):
            for number in range(1000):
                answered.add(client.record(denied(number), soon()).id)
        assert 0 < len(answered) < 1000
    with sequencer(folder):
        assert answered <= recorded_ids(folder)
