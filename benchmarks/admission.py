"""Admission over TLS against everything real: registry, OPA, sequencer, two workers, every decision recorded durably.

Closed loop for CPU, median and throughput, open loop for the tail; load generator and registry share the machine. A row
that was not answered as it must be, or for which the log does not have exactly one leaf for each review under a
checkpoint that verifies, is void, and a void row misses its goal. `--quick` does a tenth of the reviews.
"""

import sys
from collections.abc import Callable, Iterator

from benchmarks.admission_bench import Bench, running_bench
from benchmarks.admission_cluster import deployments
from benchmarks.admission_cold import cold_reviews, few_requests
from benchmarks.admission_endurance import beside_slow_clients, long_run
from benchmarks.admission_fault import broken_registry
from benchmarks.admission_warm import different_images, latency, open_loop, throughput, unseen
from benchmarks.figure import Figure
from benchmarks.machine import additions
from benchmarks.vegeta import LoadError

Row = Callable[[Bench, int], Iterator[Figure]]
_ROWS: tuple[Row, ...] = (latency, throughput, unseen, open_loop, different_images, cold_reviews, broken_registry)
_ALONE: tuple[Row, ...] = (long_run, beside_slow_clients, deployments)


def measure(*, quick: bool = False) -> Iterator[Figure]:
    """What is warm first, then what is cold, then a registry that fails, then endurance and an API server."""
    share = 10 if quick else 1
    yield additions()
    with running_bench() as bench:
        for row in _ROWS:
            yield from _guarded(row, bench, share)
    with running_bench(authorities=5) as bench:
        yield from _guarded(few_requests, bench, share)
    for row in _ALONE:
        with running_bench() as bench:
            yield from _guarded(row, bench, share)
    yield additions()


def _guarded(row: Row, bench: Bench, share: int) -> Iterator[Figure]:
    try:
        yield from row(bench, share)
    except LoadError as error:
        name = f"admission, {row.__name__.replace('_', ' ')}"
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        yield Figure(name=f"{name}: void", value=1, unit="", goal=0)
