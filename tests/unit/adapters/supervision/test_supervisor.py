"""The supervisor: order, restarts with back-off, and nothing left behind."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from assay.adapters.supervision.child import Child, ChildSpec
from tests.fixtures.polling import eventually

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal,sys,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
)
PROGRAM = """
import sys
from pathlib import Path
from assay.adapters.supervision.child import ChildSpec
from assay.adapters.supervision.supervisor import supervise

folder = Path(sys.argv[1])
spec = lambda name: ChildSpec(name=name, command=(sys.executable, "-c", sys.argv[2]), log=folder / name, grace=2)
supervise([spec("first"), spec("second")], started=lambda children: print("started", flush=True),
          changed=lambda children: (folder / "pids").write_text(" ".join(str(pid) for pid in children.values())),
          report=lambda line: print(line, flush=True))
"""


def spec(command: tuple[str, ...], folder: Path, grace: float = 2) -> ChildSpec:
    return ChildSpec(name="child", command=command, log=folder / "child.log", grace=grace)


def next_event(child: Child, now: float) -> str:
    events: list[str] = []

    def happened() -> bool:
        events.extend(event for event in [child.watch(now)] if event)
        return bool(events)

    eventually(happened, "an event")
    return events[0]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def test_a_process_that_ends_is_started_again_after_a_growing_pause(tmp_path: Path) -> None:
    child = Child(spec((sys.executable, "-c", "raise SystemExit(3)"), tmp_path))
    child.start(0.0)
    events: list[str] = []
    events.append(next_event(child, 1.0))
    assert events == ["child ended with status 3; it is started again in 0.2 s"]
    assert child.watch(1.1) is None
    assert child.watch(1.3) == "child was started again"
    events.append(next_event(child, 1.4))
    assert events[1].endswith("in 0.4 s")


def test_a_process_that_ran_for_long_starts_again_at_once(tmp_path: Path) -> None:
    child = Child(spec((sys.executable, "-c", "raise SystemExit(1)"), tmp_path))
    child.start(0.0)
    events: list[str] = []
    events.append(next_event(child, 60.0))
    assert events[0].endswith("in 0.1 s")


def test_a_process_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    child = Child(spec(STUBBORN, tmp_path, grace=0.2))
    child.start(0.0)
    pid = child.pid
    assert pid is not None
    eventually(lambda: (tmp_path / "child.log").read_text() == "up\n", "the program")
    child.stop()
    assert not alive(pid)
    assert child.pid is None


def test_a_process_that_no_longer_answers_is_killed_after_three_probes(tmp_path: Path) -> None:
    answers = iter([True, False, True, False, False, False])
    child = Child(replace(spec(SLEEPER, tmp_path), probe=lambda: next(answers)))
    child.start(0.0)
    assert child.watch(14.9) is None
    events = [child.watch(15.0 + 2 * number) for number in range(6)]
    assert events == [*[None] * 5, "child did not answer 3 times and is killed"]
    assert next_event(child, 26.0).startswith("child ended with status -9")


@pytest.fixture
def supervisor(tmp_path: Path) -> subprocess.Popen[str]:
    script = tmp_path / "supervisor.py"
    script.write_text(PROGRAM)
    return subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), "import time; time.sleep(60)"], stdout=subprocess.PIPE, text=True
    )


def children(folder: Path) -> list[int]:
    file = folder / "pids"
    eventually(lambda: file.exists() and len(file.read_text().split()) == 2, "two processes")
    return [int(pid) for pid in file.read_text().split()]


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_every_process_is_gone_when_the_supervisor_is_gone(
    supervisor: subprocess.Popen[str], tmp_path: Path, kind: signal.Signals
) -> None:
    pids = children(tmp_path)
    assert all(alive(pid) for pid in pids)
    supervisor.send_signal(kind)
    supervisor.communicate(timeout=10)
    eventually(lambda: not any(alive(pid) for pid in pids), "the end of both")
    assert supervisor.returncode == (0 if kind is signal.SIGTERM else -signal.SIGKILL)


def test_a_killed_child_comes_back_under_the_same_supervisor(supervisor: subprocess.Popen[str], tmp_path: Path) -> None:
    first, second = children(tmp_path)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: first not in children(tmp_path), "another in its place")
    assert second in children(tmp_path)
    supervisor.terminate()
    out, _ = supervisor.communicate(timeout=10)
    assert "first ended with status -9" in out
    assert out.endswith("all processes have ended\n")
