"""Admission over TLS against everything real: registry, OPA, sequencer, two workers, every decision recorded durably.

Closed loop for CPU, median and throughput, open loop for the tail. Load generator and registry share the machine. A
figure is void when a review was not allowed, or the log does not have exactly one leaf for each under a checkpoint that
verifies.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from assay.domain.reference import Reference
from benchmarks.admission_bench import Bench, Run, running_bench
from benchmarks.admission_review import review
from benchmarks.figure import Figure

_REVIEWS = 3000
_WARM_UP = 64
_COMMITS = 50
_MANY = 8


def measure() -> Iterator[Figure]:
    """Warm reviews first, then what is cold, then a registry that fails, then endurance."""
    with running_bench() as bench:
        yield from _warm(bench)


def _warm(bench: Bench) -> Iterator[Figure]:
    """One image whose evidence was judged before; eight different ones; eight containers of one."""
    images = bench.push_images(_MANY, path="warm")
    single = [str(images[0])]
    bench.closed(_reviews([str(image) for image in images], _WARM_UP), connections=_MANY)
    bench.closed(_reviews(single, _WARM_UP), connections=_MANY)
    alone = bench.closed(_reviews(single, _REVIEWS // 4), connections=1)
    commit = _commit_milliseconds(bench.stack.state)
    label = "admission, warm, 1 connection"
    yield Figure(name=f"{label}: one raw commit", value=commit, unit="ms")
    yield Figure(name=f"{label}: p50", value=alone.attack.milliseconds(0.5), unit="ms", goal=1.5 + commit)
    yield _cpu(label, alone)
    seen = bench.closed(_reviews(single, _REVIEWS), connections=_MANY)
    label = "admission, warm, 8 connections, document seen"
    yield _cpu(label, seen, goal=0.8)
    yield Figure(name=f"{label}: p50", value=seen.attack.milliseconds(0.5), unit="ms", goal=5)
    yield Figure(name=f"{label}: throughput", value=seen.attack.rate, unit="1/s", goal=1500, at_least=True)
    fresh = bench.closed(_unseen(images[0], _REVIEWS), connections=_MANY)
    yield _cpu("admission, warm, 8 connections, document not seen", fresh, goal=1.6)
    steady = bench.open(_reviews(single, 300), rate=300, seconds=10)
    label = "admission, warm, 300/s open loop"
    yield Figure(name=f"{label}: p99", value=steady.attack.milliseconds(0.99), unit="ms", goal=20)
    yield _cpu(label, steady)
    several = bench.closed(_reviews([str(image) for image in images], _REVIEWS), connections=_MANY)
    yield _cpu("admission, warm, 8 different images", several, goal=1.0)
    repeated = bench.closed(_reviews(single * _MANY, _REVIEWS), connections=_MANY)
    yield _cpu("admission, warm, 8 containers of one image", repeated, goal=0.8)


def _cpu(label: str, run: Run, *, goal: float | None = None) -> Figure:
    return Figure(name=f"{label}: CPU", value=run.cpu_milliseconds, unit="ms", goal=goal)


def _reviews(images: Sequence[str], count: int) -> Iterator[bytes]:
    return (review(images) for _ in range(count))


def _unseen(image: Reference, count: int) -> Iterator[bytes]:
    """Reviews that name the same digest under a tag and in a namespace that nobody asked about before."""
    return (review([str(replace(image, tag=f"t{number}"))], namespace=f"shop-{number}") for number in range(count))


def _commit_milliseconds(folder: Path) -> float:
    """The median of a commit of one small row to a database like the log's, on the same disk, with nothing beside."""
    path = folder / "commits.db"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT)")
        times = []
        for _ in range(_COMMITS):
            begun = time.perf_counter()
            connection.execute("INSERT INTO line (text) VALUES ('x')")
            times.append(time.perf_counter() - begun)
    finally:
        connection.close()
        path.unlink()
    return median(times) * 1000
