"""What verifying one piece of evidence costs: beside sigstore-python, as a command, on two processes, at worst."""

from collections.abc import Iterator

from benchmarks import contest, resources, scaling, start_up
from benchmarks.figure import Figure


def measure() -> Iterator[Figure]:
    """All of them; void unless every bundle verifies that should."""
    yield from contest.measure()
    yield from start_up.measure()
    yield from scaling.measure()
    yield from resources.measure()
