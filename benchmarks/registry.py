"""What registries cost: requests for everything about an image, hostile registries, bytes beside `crane`."""

from collections.abc import Iterator

from benchmarks import registry_attacks, registry_bytes, registry_copy, registry_requests
from benchmarks.figure import Figure


def measure() -> Iterator[Figure]:
    """Requests first, then attacks, then a large copy, then bytes."""
    yield from registry_requests.measure()
    yield from registry_attacks.measure()
    yield from registry_copy.measure()
    yield from registry_bytes.measure()
