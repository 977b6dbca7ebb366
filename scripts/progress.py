"""Lines that show what set-up is doing, and programs run under them."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.checkout import SetUpError

_HEARTBEAT_SECONDS = 15.0
_LAST_LINES = 20


@dataclass(slots=True, kw_only=True)
class Progress:
    """Prints one line when something begins, and one every 15 seconds while it lasts."""

    steps: int
    logs: Path
    heartbeat: float = _HEARTBEAT_SECONDS
    clock: Callable[[], float] = time.monotonic
    step: int = 0
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def say(self, text: str) -> None:
        """Print a line of the current step."""
        print(f"[{self.step}/{self.steps}] {text}  ({self.clock() - self.began:.0f} s)", flush=True)

    def run(
        self,
        command: Sequence[str],
        what: str,
        *,
        cwd: Path,
        env: Mapping[str, str],
        remedy: str,
    ) -> None:
        """Run a program; its output goes to a log file, its heartbeat to the terminal.

        `what` ("opa 1.22.0: compiling") names it in both. Raises `SetUpError` with the end of the log, the log's path
        and the remedy when the program fails or cannot be started.
        """
        self.say(f"{what} ...")
        self.logs.mkdir(parents=True, exist_ok=True)
        name = "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in what)
        log = self.logs / f"{name[:100]}.log"
        with log.open("wb") as output:
            try:
                program = subprocess.Popen(
                    command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
                )
            except OSError as error:
                raise SetUpError(f"{what}: {command[0]} cannot be started ({error}); {remedy}") from error
            status = self._wait(program, what)
        if status != 0:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
            tail = "\n".join(f"    {line}" for line in lines)
            raise SetUpError(f"{what}: failed with status {status}\n{tail}\n  whole log: {log}\n  {remedy}")

    def _wait(self, program: subprocess.Popen[bytes], what: str) -> int:
        try:
            while True:
                try:
                    return program.wait(timeout=self.heartbeat)
                except subprocess.TimeoutExpired:
                    self.say(f"    still {what}")
        except BaseException:
            program.kill()
            program.wait()
            raise
