"""The locked inputs of the example build, fetched ahead so that everything after set-up works without a network."""

import os
from pathlib import Path

from scripts.checkout import Checkout, digest_of, stamp_holds, write_stamp
from scripts.go_toolchain import find_go
from scripts.progress import Progress
from scripts.virtual_environment import python_environment

_SPEC = Path("examples", "age", "assay.yaml")
_LOCK = Path("examples", "age", "assay.lock.json")


def inputs_are_current(checkout: Checkout) -> bool:
    """Whether everything this lock names was fetched; the builder checks every digest again when it uses them."""
    return stamp_holds(_stamp(checkout), _digest(checkout))


def fetch_inputs(checkout: Checkout, progress: Progress) -> None:
    """Fetch every locked input from the machine's module proxy into `.tools/inputs`, each checked by its SHA-256."""
    progress.run(
        [str(checkout.venv / "bin" / "assay"), "fetch", str(_SPEC), "--cache", str(checkout.inputs)],
        "locked inputs of examples/age: downloading",
        cwd=checkout.root,
        env=python_environment() | _path_with_go(checkout),
        remedy="check the network and the module proxy (GOPROXY), then run set-up again",
    )
    write_stamp(_stamp(checkout), _digest(checkout))


def _path_with_go(checkout: Checkout) -> dict[str, str]:
    """A PATH on which `assay fetch` finds the go command, whose default module proxy is the machine's."""
    go = find_go(checkout)
    return {"PATH": f"{go.path.parent}{os.pathsep}{os.environ.get('PATH', '')}"} if go else {}


def _digest(checkout: Checkout) -> str:
    return digest_of([checkout.root / _LOCK])


def _stamp(checkout: Checkout) -> Path:
    # Among the inputs, so that it goes when they go.
    return checkout.inputs / "set-up"
