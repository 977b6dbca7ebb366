"""What the demo prints: a step, what it proved, how long it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class DemoError(RuntimeError):
    """Something did not behave as the demo promises."""


def expect(condition: object, what: str) -> None:
    """Stop the demo unless the promise holds."""
    if not condition:
        raise DemoError(what)


class Narrator:
    """Prints numbered chapters, and one line for each thing that was proven."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._number = 0

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """A chapter with its duration."""
        self._number += 1
        begun = time.monotonic()
        print(f"\n[{self._number}] {title}", flush=True)
        yield
        print(f"    ({time.monotonic() - begun:.1f} s)", flush=True)

    @staticmethod
    def proved(what: str) -> None:
        """One thing that was proven."""
        print(f"    {what}", flush=True)

    def finish(self) -> None:
        """The last line."""
        print(f"\ndone: every promise held, {time.monotonic() - self._started:.1f} s in all", flush=True)
