"""The processes below a process, as the kernel lists them."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.fixtures.polling import eventually


def parent_and_state(pid: int) -> tuple[int, str] | None:
    """Parent and state letter of a process; None when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), fields[0]


def is_running(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    found = parent_and_state(pid)
    return found is not None and found[1] not in {"Z", "X"}


def children(pid: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := parent_and_state(int(entry.name))) and found[0] == pid:
            yield int(entry.name)


def descendants(pid: int) -> set[int]:
    """Every process below this one."""
    direct = set(children(pid))
    return direct.union(*(descendants(child) for child in direct))


def unread_octets(port: int) -> int:
    """Octets that lie unread in connections to a local port."""
    local, queued = f":{port:04X}", 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(local):
            queued += int(fields[4].partition(":")[2], 16)
    return queued


def _thread_states(pid: int) -> set[str]:
    states = set()
    for file in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            states.add(file.read_text().rpartition(")")[2].split()[0])
    return states


@contextmanager
def stands_still(pid: int) -> Iterator[None]:
    """Stop a process without ending it; it goes on afterwards."""
    os.kill(pid, signal.SIGSTOP)
    try:
        # The signal waits for a thread that takes it; until all have stopped, the others go on answering.
        eventually(lambda: _thread_states(pid) <= {"T", "t"}, "every thread to stand still")
        yield
    finally:
        with suppress(ProcessLookupError):  # a supervisor may have ended what did not answer
            os.kill(pid, signal.SIGCONT)


def resident_kib(pid: int) -> int:
    """Memory of a process and all below it, shared pages counted by share (PSS), in KiB."""
    total = 0
    for each in {pid, *descendants(pid)}:
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total
