"""Decisions written to the log through the sequencer, each durable (synchronous=FULL) with its leaf and checkpoint."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from assay.adapters.clock import new_identifier
from assay.adapters.log.client import SequencerClient
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, DecisionKind, PolicyIdentity, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.reference import Repository
from benchmarks.figure import Figure, percentile
from benchmarks.process_cost import cpu_seconds

_SEQUENCER = """
import signal, sys, threading
from pathlib import Path
from assay.adapters.clock import SystemClock
from assay.adapters.log.migration import migrate
from assay.adapters.log.sequencer import run_sequencer
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
run_sequencer(state=Path(sys.argv[1]), origin="assay.benchmark/log", clock=SystemClock(), stop=stop, migrate=migrate)
"""
_WRITERS, _EACH = 16, 250
_ALONE = 100


def measure() -> Iterator[Figure]:
    """A lone writer's latency, then throughput and latency with 16 writers; void unless every decision has its leaf."""
    with tempfile.TemporaryDirectory() as scratch:
        state = Path(scratch) / "state"
        with subprocess.Popen([sys.executable, "-c", _SEQUENCER, str(state)]) as sequencer:
            try:
                log = SequencerClient(state / "sequencer.sock", service_version="benchmark")
                _wait(log)
                alone = _record(log, _ALONE)
                yield Figure(name="log, 1 writer: p50", value=percentile(alone, 0.5) * 1000, unit="ms")
                yield Figure(name="log, 1 writer: p99", value=percentile(alone, 0.99) * 1000, unit="ms")
                begun, spent = time.perf_counter(), cpu_seconds([sequencer.pid])
                with ThreadPoolExecutor(_WRITERS) as pool:
                    times = [
                        seconds for part in pool.map(_record, [log] * _WRITERS, [_EACH] * _WRITERS) for seconds in part
                    ]
                elapsed, spent = time.perf_counter() - begun, cpu_seconds([sequencer.pid]) - spent
                yield Figure(name=f"log, {_WRITERS} writers: p99", value=percentile(times, 0.99) * 1000, unit="ms")
                yield Figure(name=f"log, {_WRITERS} writers: decisions", value=len(times) / elapsed, unit="1/s")
                cpu = spent / len(times) * 1000
                yield Figure(name=f"log, {_WRITERS} writers: CPU of the sequencer", value=cpu, unit="ms")
                leaves = log.ping(_deadline())
                if leaves < _ALONE + _WRITERS * _EACH:
                    raise RuntimeError(f"the figures are void: the log has {leaves} leaves")
            finally:
                sequencer.send_signal(signal.SIGTERM)


def _deadline() -> Deadline:
    return Deadline.after(30, time.monotonic)


def _wait(log: SequencerClient) -> None:
    for _ in range(200):
        try:
            log.ping(_deadline())
        except Unavailable:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the sequencer did not start")


def _record(log: SequencerClient, count: int) -> list[float]:
    times = []
    for _ in range(count):
        decision = _decision()
        begun = time.perf_counter()
        log.record(decision, _deadline())
        times.append(time.perf_counter() - begun)
    return times


def _decision() -> Decision:
    digest = Digest.of(os.urandom(16))
    policy = PolicyIdentity(bundle=digest, rule_data=digest, trust=digest, opa=digest)
    return Decision(
        id=new_identifier(),
        kind=DecisionKind.GATE,
        time=datetime.now(UTC),
        tenant="demo",
        environment="prod",
        artefacts=(Artefact(repository=Repository.parse("registry.example/app"), digest=digest),),
        verdict=Verdict.ALLOW,
        retryable=False,
        dry_run=False,
        findings=(),
        gaps=(),
        rejected=(),
        evidence=(digest,),
        source_commit="",
        policy=policy,
        document=b'{"evidence":[],"request":{"id":"' + digest.hex.encode() + b'"}}',
        preimage=b'{"caller":"benchmark"}',
    )
