"""Rows about images whose evidence was judged before."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from assay.domain.reference import Reference
from benchmarks.admission_bench import Bench, Run
from benchmarks.admission_review import review
from benchmarks.figure import Figure

REVIEWS = 4000
_WARM_UP = 64
_COMMITS = 100
_CONNECTIONS = 8
_OPEN_RATE, _OPEN_SECONDS = 300, 20


def latency(bench: Bench, share: int) -> Iterator[Figure]:
    """One connection, beside what one commit costs on this disk."""
    image = warm_images(bench, 1)
    run = bench.closed(reviews(image, REVIEWS // 4 // share), connections=1)
    commit = _commit_milliseconds(bench.stack.state)
    label = "admission, warm, 1 connection"
    yield Figure(name=f"{label}: one raw commit", value=commit, unit="ms")
    yield Figure(name=f"{label}: p50", value=run.attack.milliseconds(0.5), unit="ms", goal=1.5 + commit)
    yield cpu(label, run)


def throughput(bench: Bench, share: int) -> Iterator[Figure]:
    """Eight connections, a request document that was seen before."""
    run = bench.closed(reviews(warm_images(bench, 1), REVIEWS // share), connections=_CONNECTIONS)
    label = "admission, warm, document seen, 8 connections"
    yield cpu(label, run, goal=0.8)
    yield Figure(name=f"{label}: p50", value=run.attack.milliseconds(0.5), unit="ms", goal=5)
    yield Figure(name=f"{label}: p99", value=run.attack.milliseconds(0.99), unit="ms")
    yield Figure(name=f"{label}: throughput", value=run.attack.rate, unit="1/s", goal=1500, at_least=True)


def unseen(bench: Bench, share: int) -> Iterator[Figure]:
    """The same digest under tags and in namespaces that nobody asked about before."""
    (image,) = warm_images(bench, 1)
    fresh = (
        review([str(replace(image, tag=f"t{number}"))], namespace=f"shop-{number}")
        for number in range(REVIEWS // share)
    )
    run = bench.closed(fresh, connections=_CONNECTIONS)
    yield cpu("admission, warm, document not seen, 8 connections", run, goal=1.6)


def open_loop(bench: Bench, share: int) -> Iterator[Figure]:
    """Reviews that come whether or not those before were answered."""
    targets = reviews(warm_images(bench, 1), _OPEN_RATE)
    run = bench.open(targets, rate=_OPEN_RATE, seconds=max(2, _OPEN_SECONDS // share))
    label = f"admission, warm, open loop at {_OPEN_RATE}/s"
    yield Figure(name=f"{label}: p99", value=run.attack.milliseconds(0.99), unit="ms", goal=20)
    yield cpu(label, run)


def different_images(bench: Bench, share: int) -> Iterator[Figure]:
    """Pods with eight containers: of eight images, and of one."""
    images = warm_images(bench, 8)
    run = bench.closed(reviews(images, REVIEWS // share), connections=_CONNECTIONS)
    yield cpu("admission, warm, 8 different images", run, goal=1.0)
    run = bench.closed(reviews([images[0]] * 8, REVIEWS // share), connections=_CONNECTIONS)
    yield cpu("admission, warm, 8 containers of one image", run, goal=0.8)


def warm_images(bench: Bench, count: int) -> Sequence[Reference]:
    """Images that both workers were asked about before, together in one Pod."""
    images = bench.push_images(count, path="warm")
    bench.closed(reviews(images, _WARM_UP), connections=_CONNECTIONS)
    return images


def reviews(images: Sequence[Reference], count: int) -> Iterator[bytes]:
    """Reviews of Pods with these images that differ in nothing but what no rule reads."""
    names = [str(image) for image in images]
    return (review(names) for _ in range(count))


def cpu(label: str, run: Run, *, goal: float | None = None) -> Figure:
    """CPU time of one review of a run."""
    return Figure(name=f"{label}: CPU", value=run.cpu_milliseconds, unit="ms", goal=goal)


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
