"""Rows about what lasts: memory over many reviews, and clients that are slow on purpose."""

from collections.abc import Iterator

from benchmarks.admission_bench import Bench
from benchmarks.admission_warm import cpu, reviews, warm_images
from benchmarks.figure import Figure
from benchmarks.slow_client import slow_clients
from benchmarks.vegeta import LoadError

_IMAGES, _REVIEWS = 1000, 100_000
_MOST_MEBIBYTES, _MOST_GROWTH = 400, 1.1
_FAST, _SLOW, _SECONDS = 250, 250, 60
_LEAST_HELD = 225
_BEGINNING = 275
"""Slow clients that take turns: the server closes each after a while, and until it is held again it is none."""
_CONNECTIONS = 8


def long_run(bench: Bench, share: int) -> Iterator[Figure]:
    """Memory after each image was asked about once, and after many more reviews of all of them."""
    images = bench.push_images(_IMAGES // share, path="many")

    def each_once() -> Iterator[bytes]:
        return (body for image in images for body in reviews([image], 1))

    bench.closed(each_once(), connections=_CONNECTIONS)
    before = bench.mebibytes()
    rounds = _REVIEWS // _IMAGES
    for _ in range(rounds):
        run = bench.closed(each_once(), connections=_CONNECTIONS)
    after = bench.mebibytes()
    label = f"admission, {rounds * len(images):,} reviews of {len(images):,} images"
    yield Figure(name=f"{label}: memory", value=after, unit="MiB", goal=_MOST_MEBIBYTES)
    yield Figure(name=f"{label}: growth", value=after / before, unit="x", goal=_MOST_GROWTH)
    yield cpu(f"{label}, the last of them", run)


def beside_slow_clients(bench: Bench, share: int) -> Iterator[Figure]:
    """Half of the clients open connections, shake hands, send heads and bodies as slowly as they are let."""
    warm = warm_images(bench, 1)
    address, ca = bench.stack.webhook_url, bench.stack.ca
    with slow_clients(address, ca, _BEGINNING, least=_SLOW) as slow, slow.sampled() as held:
        run = bench.lasting(reviews(warm, _FAST), connections=_FAST, seconds=max(10, _SECONDS // share))
        memory = bench.mebibytes()
    if min(held) < _LEAST_HELD:
        raise LoadError(f"the figure is void: once only {min(held)} slow clients were held")
    label = f"admission, {_FAST} fast and {_SLOW} slow clients"
    yield Figure(name=f"{label}: slow ones held, fewest", value=min(held), unit="")
    yield Figure(name=f"{label}: reviews of the fast", value=run.attack.rate, unit="1/s")
    yield Figure(name=f"{label}: p99 of the fast", value=run.attack.milliseconds(0.99), unit="ms")
    yield Figure(name=f"{label}: memory", value=memory, unit="MiB", goal=_MOST_MEBIBYTES)
    yield cpu(f"{label}, reviews of the fast", run)
