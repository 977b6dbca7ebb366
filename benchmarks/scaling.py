"""A thousand different bundles on one process and on two: verification holds the interpreter, so only processes scale.

The speed-up in CPU is the CPU of one process over that of the busier of two: other load on the machine does not disturb
it. That of the wall needs two free cores.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from assay.domain.evidence import EvidenceItem, SignatureClaim
from assay.domain.limit import Limits
from assay.verification.authority_group import AuthorityGroup, group_authorities
from assay.verification.item import verify_item_for
from assay.verification.message import Message
from benchmarks.figure import Figure
from tests.fakes.judge import ACME, ROOT, WORLD, trust
from tests.fakes.sigstore import IMAGE, Recipe

_BUNDLES = 1000
_RUNS = 3
_SPEED_UP = 1.8


@dataclass(frozen=True, kw_only=True)
class _Run:
    """Seconds of the wall, and seconds of CPU of each process."""

    wall: float
    cpu: tuple[float, ...]


def measure() -> Iterator[Figure]:
    """Throughput and speed-up, each the best of a few runs; void unless every bundle verifies."""
    items = tuple(WORLD.mint(Recipe()) for _ in range(_BUNDLES))
    if len({item.digest for item in items}) != _BUNDLES:
        raise RuntimeError("the figures are void: two bundles are the same")
    groups = group_authorities([ACME], {ROOT: trust()})
    ones = [_run(groups, [items]) for _ in range(_RUNS)]
    twos = [_run(groups, [items[::2], items[1::2]]) for _ in range(_RUNS)]
    one, two = min(run.wall for run in ones), min(run.wall for run in twos)
    cpu, busier = min(sum(run.cpu) for run in ones), min(max(run.cpu) for run in twos)
    label = f"{_BUNDLES} keyless bundles"
    yield Figure(name=f"{label}, 1 process: throughput", value=_BUNDLES / one, unit="1/s")
    yield Figure(name=f"{label}, 2 processes: throughput", value=_BUNDLES / two, unit="1/s")
    yield Figure(
        name=f"{label}, 2 processes: speed-up (wall)", value=one / two, unit="x", goal=_SPEED_UP, at_least=True
    )
    yield Figure(
        name=f"{label}, 2 processes: speed-up (CPU)", value=cpu / busier, unit="x", goal=_SPEED_UP, at_least=True
    )


def _run(groups: tuple[AuthorityGroup, ...], shares: list[tuple[EvidenceItem, ...]]) -> _Run:
    context = get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in shares]
    workers = [
        context.Process(target=_verify, args=(groups, share, sender))
        for share, (_, sender) in zip(shares, pipes, strict=True)
    ]
    begun = time.perf_counter()
    for worker in workers:
        worker.start()
    for _, sender in pipes:
        sender.close()
    cpu = tuple(receiver.recv() for receiver, _ in pipes)
    wall = time.perf_counter() - begun
    for worker in workers:
        worker.join()
    return _Run(wall=wall, cpu=cpu)


def _verify(groups: tuple[AuthorityGroup, ...], items: tuple[EvidenceItem, ...], sender: "Connection[float]") -> None:
    begun = time.process_time()
    artefact = Message.of_digest(IMAGE)
    claims = [verify_item_for(groups, item, artefact=artefact, limits=Limits()) for item in items]
    seconds = time.process_time() - begun
    if not all(isinstance(claim, SignatureClaim) for claim in claims):
        raise RuntimeError("the figures are void: a bundle was rejected")
    sender.send(seconds)
