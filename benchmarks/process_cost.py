"""CPU and memory of the processes of a service, as the kernel counts them."""

import os
from collections.abc import Iterable
from pathlib import Path

from tests.e2e.process_tree import descendants

_TICKS = os.sysconf("SC_CLK_TCK")


def service_processes(supervisor: int) -> frozenset[int]:
    """The supervisor and everything below it."""
    return frozenset({supervisor, *descendants(supervisor)})


def cpu_seconds(processes: Iterable[int]) -> float:
    """User and system time of all threads of these processes so far; raises `OSError` when one has ended."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def mebibytes(processes: Iterable[int]) -> float:
    """Their memory, what several share counted once among them (PSS)."""
    kibibytes = 0
    for process in processes:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
        kibibytes += int(text.partition("Pss:")[2].split()[0])
    return kibibytes / 1024
