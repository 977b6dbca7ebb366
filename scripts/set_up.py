"""Set up a checkout: look first, say everything that is missing at once, then install, all inside the checkout.

Standard library only: this runs before there is a virtual environment. `setup` starts it.
"""

import argparse
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts.checkout import Checkout, SetUpError
from scripts.go_toolchain import find_go, install_go
from scripts.install_tools import install_tool, read_tool, tool_is_current
from scripts.locked_inputs import fetch_inputs, inputs_are_current
from scripts.machine import (
    BUBBLEWRAP,
    SOFTHSM,
    SSH_KEYGEN,
    Machine,
    Program,
    find_lacks,
    find_sandbox_fault,
    inspect_machine,
)
from scripts.progress import Progress
from scripts.virtual_environment import environment_is_current, install_environment

_RUNTIME = ("runtime.lock", "build.lock")
_DEVELOPMENT = ("development.lock",)
_FUZZING = ("development.lock", "fuzz.lock")
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one purpose needs: any one of `environments`, the first of which is installed, some tools and programs."""

    environments: tuple[tuple[str, ...], ...]
    tools: tuple[str, ...]
    programs: tuple[Program, ...] = (BUBBLEWRAP,)


PROFILES = {
    "demo": Profile(environments=(_RUNTIME, _DEVELOPMENT, _FUZZING), tools=("opa", "olareg")),
    "test-fast": Profile(
        environments=(_DEVELOPMENT, _FUZZING), tools=("opa", "olareg"), programs=(BUBBLEWRAP, SSH_KEYGEN)
    ),
    "test": Profile(
        environments=(_DEVELOPMENT, _FUZZING),
        tools=(
            *("opa", "olareg", "cosign", "registry", "crane", "fulcio", "rekor-tiles", "timestamp-authority"),
            *("etcd", "kube-apiserver", "kube-controller-manager", "kubectl"),
        ),
        programs=(BUBBLEWRAP, SSH_KEYGEN, SOFTHSM),
    ),
    "bench": Profile(environments=(_DEVELOPMENT, _FUZZING), tools=("opa", "olareg", "crane", "vegeta")),
    "fuzz": Profile(environments=(_FUZZING,), tools=("opa", "olareg")),
}

# Disk space that each piece takes at most while it is made, caches included (generous estimates).
_ENVIRONMENT_MIB = 1200
_GO_MIB = 500
_INPUTS_MIB = 200
_TOOL_MIB = {
    "opa": 1000,
    "olareg": 200,
    "cosign": 3500,
    "registry": 1500,
    "crane": 600,
    "fulcio": 1500,
    "rekor-tiles": 1000,
    "timestamp-authority": 1500,
    "vegeta": 600,
    "etcd": 1000,
    "kube-apiserver": 4000,
    "kube-controller-manager": 1500,
    "kubectl": 1000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A piece of work that is still to be done, and the disk space it takes."""

    mebibytes: int
    work: Callable[[Progress], None]


def find_steps(checkout: Checkout, profile: Profile, machine: Machine) -> Sequence[Step]:
    """Everything that is not done yet, in order."""
    steps: list[Step] = []
    if machine.installation:
        steps.append(Step(mebibytes=10 * len(machine.missing), work=partial(_install_programs, checkout, machine)))
    if not any(environment_is_current(checkout, locks) for locks in profile.environments):
        locks = profile.environments[0]
        steps.append(
            Step(mebibytes=_ENVIRONMENT_MIB, work=lambda progress: install_environment(checkout, progress, locks))
        )
    stale = [
        tool for tool in (read_tool(checkout, name) for name in profile.tools) if not tool_is_current(checkout, tool)
    ]
    if stale and find_go(checkout) is None:
        steps.append(Step(mebibytes=_GO_MIB, work=partial(install_go, checkout)))
    steps += [Step(mebibytes=_TOOL_MIB[tool.name], work=partial(_compile, checkout, tool.name)) for tool in stale]
    if not inputs_are_current(checkout):
        steps.append(Step(mebibytes=_INPUTS_MIB, work=partial(fetch_inputs, checkout)))
    return steps


def set_up(checkout: Checkout, profile: Profile) -> int:
    """Do what is not done yet and return how many steps that took.

    Raises `SetUpError` naming everything the machine lacks before anything is downloaded or installed, or naming the
    step that failed.
    """
    machine = inspect_machine(checkout.root, profile.programs)
    steps = find_steps(checkout, profile, machine)
    lacks = find_lacks(machine, needed_bytes=sum(step.mebibytes for step in steps) * _MIB)
    if lacks:
        lines = "\n".join(f"  - {lack.thing}: {lack.remedy}" for lack in lacks)
        raise SetUpError(f"nothing was installed, because this machine lacks:\n{lines}")
    progress = Progress(steps=len(steps), logs=checkout.logs)
    for number, step in enumerate(steps, start=1):
        progress.step = number
        step.work(progress)
    return len(steps)


def _compile(checkout: Checkout, name: str, progress: Progress) -> None:
    go = find_go(checkout)
    if go is None:
        raise SetUpError("Go was there when set-up began and is gone; run set-up again")
    install_tool(checkout, progress, read_tool(checkout, name), go)


def _install_programs(checkout: Checkout, machine: Machine, progress: Progress) -> None:
    things = ", ".join(program.thing for program in machine.missing)
    for command in machine.installation:
        what = f"{things}: installing with the system's package manager: {' '.join(command)}"
        remedy = f"install {things} yourself, then run set-up again"
        progress.run(command, what, cwd=checkout.root, env=os.environ, remedy=remedy)
    fault = find_sandbox_fault()
    if fault:
        raise SetUpError(f"bubblewrap is installed but cannot make a sandbox: {fault}")


@contextmanager
def _alone(checkout: Checkout) -> Iterator[None]:
    """Keep a second set-up of the same checkout waiting."""
    checkout.tools.mkdir(exist_ok=True)
    with (checkout.tools / "set-up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("setup: waiting for another set-up of this checkout", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str]) -> int:
    """Set up and return the exit status: 0 when everything is there, 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(
        prog="./setup",
        description="Set up this checkout. Everything is put below .venv/ and .tools/; a second run does nothing.",
        epilog="ASSAY_GO_CACHE names a folder for Go's caches that checkouts may share (default: below .tools/).",
    )
    purposes = "demo: what `python -m demo` needs (default); test: what all tests need; test-fast: no test tools; "
    purposes += "fuzz: atheris too"
    parser.add_argument("profile", nargs="?", choices=sorted(PROFILES), default="demo", help=purposes)
    name: str = parser.parse_args(arguments).profile
    checkout = Checkout(root=Path(__file__).resolve().parent.parent)
    began = time.monotonic()
    try:
        with _alone(checkout):
            steps = set_up(checkout, PROFILES[name])
    except SetUpError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; run it again, finished steps are kept", file=sys.stderr)
        return 130
    done = f"{steps} step(s) done" if steps else "nothing to do"
    print(f"setup: ready for {name}: {done} ({time.monotonic() - began:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
