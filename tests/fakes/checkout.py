"""A checkout small enough to set up in a moment."""

from pathlib import Path

from scripts.checkout import Checkout
from tests.fakes.program import write_program

_GO_MOD = """module assay.dev/tools/{name}

go 1.26

tool example.org/{name}/cmd/{name}

require (
\texample.org v9.9.9 // indirect
\texample.org/{name} v1.2.3 // indirect
)
"""


def small_checkout(root: Path, *tools: str) -> Checkout:
    """A checkout with lock files, a locked example and a module for each tool; its `.venv` is made of shell scripts."""
    for lock in ("runtime", "build", "development", "go"):
        _write(root / "requirements" / f"{lock}.lock", f"# {lock}\n")
    _write(root / "pyproject.toml", "[project]\n")
    _write(root / "examples" / "age" / "assay.lock.json", "{}\n")
    for name in tools:
        _write(root / "tools" / name / "go.mod", _GO_MOD.format(name=name))
        _write(root / "tools" / name / "go.sum", "example.org/x v1.2.3 h1:0=\n")
    return Checkout(root=root)


def fake_venv(checkout: Checkout) -> None:
    """Give the checkout an environment whose interpreter and `assay` write down how they were called."""
    for name in ("python", "assay"):
        write_program(checkout.venv / "bin", name, f'echo "{name} $*" >> "{checkout.root}/calls"')


def calls(checkout: Checkout) -> list[str]:
    """How the programs of the fake environment were called so far."""
    path = checkout.root / "calls"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
