"""Decisions written to the log through the sequencer, each durable (synchronous=FULL) with its leaf and checkpoint."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from assay.adapters.clock import new_identifier
from assay.adapters.log.client import SequencerClient
from assay.adapters.log.draft import Drafting
from assay.domain.artefact import Artefact
from assay.domain.compressed import Compressed
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
    """A lone writer's latency, then loads of 16 writers; void unless every decision has its leaf.

    Either every decision is a gate's with contents of its own and answered with its proof, or all of them are of one
    outcome and nobody asks for proofs, as when one Pod is created again and again.
    """
    with tempfile.TemporaryDirectory() as scratch:
        state = Path(scratch) / "state"
        with subprocess.Popen([sys.executable, "-c", _SEQUENCER, str(state)]) as sequencer:
            try:
                log = SequencerClient(state / "sequencer.sock", Drafting(service_version="benchmark"))
                _wait(log)
                alone = _record(log, _ALONE, _decide_anew)
                yield Figure(name="log, 1 writer: p50", value=percentile(alone, 0.5) * 1000, unit="ms")
                yield Figure(name="log, 1 writer: p99", value=percentile(alone, 0.99) * 1000, unit="ms")
                yield from _load(log, sequencer.pid, "contents of their own", _decide_anew)
                yield from _load(log, sequencer.pid, "one outcome", partial(_decide_again, _decide_anew()))
                leaves = log.ping(_deadline())
                if leaves != _ALONE + 2 * _WRITERS * _EACH:
                    raise RuntimeError(f"the figures are void: the log has {leaves} leaves")
            finally:
                sequencer.send_signal(signal.SIGTERM)


def _load(log: SequencerClient, sequencer: int, label: str, decide: Callable[[], Decision]) -> Iterator[Figure]:
    begun, spent = time.perf_counter(), cpu_seconds([sequencer])
    with ThreadPoolExecutor(_WRITERS) as pool:
        parts = list(pool.map(lambda _: _record(log, _EACH, decide), range(_WRITERS)))
    times = [seconds for part in parts for seconds in part]
    elapsed, spent = time.perf_counter() - begun, cpu_seconds([sequencer]) - spent
    label = f"log, {_WRITERS} writers, {label}"
    yield Figure(name=f"{label}: p99", value=percentile(times, 0.99) * 1000, unit="ms")
    yield Figure(name=f"{label}: decisions", value=len(times) / elapsed, unit="1/s")
    yield Figure(name=f"{label}: CPU of the sequencer", value=spent / len(times) * 1000, unit="ms")


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


def _record(log: SequencerClient, count: int, decide: Callable[[], Decision]) -> list[float]:
    times = []
    for _ in range(count):
        decision = decide()
        begun = time.perf_counter()
        log.record(decision, _deadline(), proven=decision.kind is DecisionKind.GATE)
        times.append(time.perf_counter() - begun)
    return times


def _decide_again(decision: Decision) -> Decision:
    """The same outcome for a review that comes later."""
    return replace(decision, id=new_identifier(), time=datetime.now(UTC), kind=DecisionKind.ADMISSION)


def _decide_anew() -> Decision:
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
        document=Compressed.of(b'{"evidence":[],"request":{"id":"%b"}}' % digest.hex.encode()),
        preimage=b'{"caller":"benchmark"}',
    )
