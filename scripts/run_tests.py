"""Run the checks and the tests, and hold the result to the gates: `python -m scripts.run_tests test|test-fast|check`.

Every step runs even when an earlier one failed, so that one run shows everything; the exit status is 0 only when all
of them passed.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from scripts.confined import confined

# What computes from bytes alone has no excuse for an untested branch.
PURE = (
    "service/assay/domain/*",
    "service/assay/formats/*",
    "service/assay/verification/*",
    "service/assay/licences/*",
    "service/assay/tlog/*",
    "service/assay/configuration/*",
    "service/assay/ports/*",
    "webhooks/assay_webhooks/review.py",
    "webhooks/assay_webhooks/workloads.py",
    "webhooks/assay_webhooks/patch.py",
    "webhooks/assay_webhooks/question.py",
    "webhooks/assay_webhooks/answer.py",
    "webhooks/assay_webhooks/arming.py",
    "webhooks/assay_webhooks/certificate.py",
    "webhooks/assay_webhooks/manifest.py",
    "webhooks/assay_webhooks/namespace_guard.py",
    "webhooks/assay_webhooks/notification/*",
    "webhooks/assay_webhooks/pod_security.py",
    "webhooks/assay_webhooks/provider/item.py",
    "webhooks/assay_webhooks/provider/manifest.py",
    "webhooks/assay_webhooks/provider/request.py",
    "webhooks/assay_webhooks/provider/response.py",
    "webhooks/assay_webhooks/registration.py",
    "webhooks/assay_webhooks/rotation.py",
    "webhooks/assay_webhooks/static_policy.py",
    "webhooks/assay_webhooks/way_out.py",
    "builder/assay_builder/plan*",
)
_OVERALL_PERCENT = 90
_FILES = (".coverage-processes", ".coverage-others")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command and the name it is reported under.

    `beside` runs at the same time; what it says is shown when both have ended. `coverage` is where the coverage of the
    command is kept.
    """

    name: str
    command: tuple[str, ...]
    coverage: str = ".coverage"
    beside: "Step | None" = None


def check_steps(binaries: Path) -> tuple[Step, ...]:
    """The checks that run no code of ours."""
    return (
        Step(name="ruff check", command=(str(binaries / "ruff"), "check")),
        Step(name="ruff format", command=(str(binaries / "ruff"), "format", "--check")),
        Step(name="mypy", command=(str(binaries / "mypy"),)),
        Step(name="import contracts", command=(str(binaries / "lint-imports"),)),
    )


def test_steps(binaries: Path, *, tools: bool) -> tuple[Step, ...]:
    """The tests, confined to loopback; with the compiled test tools also the coverage gates."""
    pytest = (str(binaries / "python"), "-m", "pytest")
    if not tools:
        return (Step(name="tests", command=tuple(confined([*pytest, "-m", "not tools"]))),)
    report = (str(binaries / "coverage"), "report")
    measured = [*pytest, "--cov", "--cov-report="]
    return (
        # Those with real processes mostly wait, and have a network of their own: the others run meanwhile.
        Step(
            name="tests with real processes",
            command=tuple(confined([*measured, "tests/e2e"])),
            coverage=_FILES[0],
            beside=Step(
                name="all other tests",
                command=tuple(confined([*measured, "--ignore=tests/e2e"])),
                coverage=_FILES[1],
            ),
        ),
        Step(name="coverage of both", command=(str(binaries / "coverage"), "combine", *_FILES)),
        Step(
            name="coverage of the pure packages (100 %)",
            command=(*report, f"--include={','.join(PURE)}", "--fail-under=100"),
        ),
        Step(
            name=f"coverage of everything ({_OVERALL_PERCENT} %)", command=(*report, f"--fail-under={_OVERALL_PERCENT}")
        ),
    )


def run(steps: Sequence[Step]) -> list[str]:
    """Run each step in the checkout and return the names of those that failed."""
    root = Path(__file__).resolve().parent.parent
    failed = []
    for step in steps:
        print(f"== {step.name}", flush=True)
        with TemporaryFile() as said:
            beside = _start(step.beside, root, said) if step.beside is not None else None
            if not _passes(step, _start(step, root, None)):
                failed.append(step.name)
            if step.beside is not None and beside is not None:
                passes = _passes(step.beside, beside)
                said.seek(0)
                print(said.read().decode(errors="replace"), flush=True)
                if not passes:
                    failed.append(step.beside.name)
    return failed


def _start(step: Step, root: Path, output: IO[bytes] | None) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "COVERAGE_FILE": str(root / step.coverage)}
    return subprocess.Popen(step.command, cwd=root, env=environment, stdout=output, stderr=output)


def _passes(step: Step, process: "subprocess.Popen[bytes]") -> bool:
    began = time.monotonic()
    status = process.wait()
    outcome = "passed" if status == 0 else f"FAILED with status {status}"
    print(f"== {step.name}: {outcome} ({time.monotonic() - began:.0f} s)", flush=True)
    return status == 0


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.run_tests", description=__doc__)
    parser.add_argument("what", choices=("test", "test-fast", "check"))
    what: str = parser.parse_args(arguments).what
    # Not resolved: the interpreter's own folder is the virtual environment's only by its unresolved name.
    binaries = Path(sys.executable).parent
    steps = check_steps(binaries) if what != "test-fast" else ()
    if what != "check":
        steps += test_steps(binaries, tools=what == "test")
    failed = run(steps)
    print(f"== failed: {', '.join(failed)}" if failed else f"== {what}: all {len(steps)} steps passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
