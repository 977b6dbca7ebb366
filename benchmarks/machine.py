"""How fast the machine is at this moment: what shared cores give differs by half from one minute to the next."""

import time

from benchmarks.figure import Figure

_ADDITIONS = 5_000_000
_RUNS = 5


def additions() -> Figure:
    """CPU time of five million additions in the interpreter, the median of five runs; compare figures by it."""
    runs = sorted(_add() for _ in range(_RUNS))
    return Figure(name="machine: 5 million additions, CPU", value=runs[_RUNS // 2] * 1000, unit="ms")


def _add() -> float:
    begun = time.process_time()
    total = 0
    for number in range(_ADDITIONS):
        total += number
    return time.process_time() - begun
