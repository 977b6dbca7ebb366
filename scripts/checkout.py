"""Where set-up puts things: all of it inside one checkout."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class SetUpError(Exception):
    """Set-up cannot go on; the text names the thing and the remedy and is shown as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """The folders of one checkout; nothing is written outside `root`, except by a system package manager."""

    root: Path

    @property
    def venv(self) -> Path:
        """The virtual environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter of the virtual environment."""
        return self.venv / "bin" / "python"

    @property
    def tools(self) -> Path:
        """Everything compiled or downloaded that is not a Python package."""
        return self.root / ".tools"

    @property
    def binaries(self) -> Path:
        """The compiled tools."""
        return self.tools / "bin"

    @property
    def logs(self) -> Path:
        """The output of every program that set-up ran."""
        return self.tools / "logs"

    @property
    def inputs(self) -> Path:
        """The locked inputs of the example build, by digest."""
        return self.tools / "inputs"

    def stamp(self, name: str) -> Path:
        """A file that stands for a finished piece of work; its text is the digest of what the work was made from."""
        return self.tools / "stamps" / name


def stamp_holds(stamp: Path, digest: str) -> bool:
    """Whether a piece of work was finished from exactly the sources with this digest."""
    return stamp.is_file() and stamp.read_text(encoding="utf-8").strip() == digest


def write_stamp(stamp: Path, digest: str) -> None:
    """Remember that a piece of work is finished."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest + "\n", encoding="utf-8")


def digest_of(paths: Iterable[Path], *extra: str) -> str:
    """SHA-256 over names and contents of these files, and over texts that stand beside them."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for text in extra:
        total.update(f"{text}\n".encode())
    return total.hexdigest()
