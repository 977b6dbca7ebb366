"""Rows about a registry that fails: what needs it is denied in time, what does not need it is not slower."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from assay.domain.reference import Reference
from benchmarks.admission_bench import Bench, Run, require_verdicts
from benchmarks.admission_warm import cpu, reviews, warm_images
from benchmarks.faulty_proxy import Behaviour
from benchmarks.figure import Figure
from benchmarks.vegeta import Attack, LoadError, attack_closed, attack_open
from demo.stack import Stack

_TIMEOUT, _LEAST_LEFT = 5, 0.3
_RATE, _SECONDS = 50, 24
_COLD, _CONNECTIONS = 8, 4
_LISTING_SECONDS, _BOUND_SECONDS = 30, 600
_BROKEN = (Behaviour.SLOW, Behaviour.DROPPING, Behaviour.UNAVAILABLE, Behaviour.REFUSING)


def broken_registry(bench: Bench, share: int) -> Iterator[Figure]:
    """Each fault once: seconds that are left to the API server after the slowest denial, and the warm tail beside.

    A fault lasts longer than the listing of the warm image, so that nothing but the bound of the rule data keeps it.
    """
    del share
    _set_bounds(bench.stack)
    bench.restart()
    (warm,) = warm_images(bench, 1)
    for behaviour in _BROKEN:
        cold = bench.push_images(_COLD, path=f"cold-{behaviour.name.lower()}")
        bench.closed(reviews([warm], _RATE), connections=_CONNECTIONS)
        healthy = bench.open(reviews([warm], _RATE), rate=_RATE, seconds=_SECONDS).attack
        bench.proxy.turn(behaviour)
        try:
            time.sleep(_LISTING_SECONDS)
            (beside, denied), spent = bench.watch(partial(_under_fault, bench, warm, cold))
        finally:
            bench.proxy.turn(Behaviour.HONEST)
        label = f"admission, registry {behaviour}"
        left = _TIMEOUT - max(shot.seconds for shot in denied.shots)
        yield Figure(name=f"{label}: left at the denial", value=left, unit="s", goal=_LEAST_LEFT, at_least=True)
        ratio = beside.milliseconds(0.99) / healthy.milliseconds(0.99)
        yield Figure(name=f"{label}: warm p99 to healthy", value=ratio, unit="x", goal=1.2)
        yield cpu(
            f"{label}, warm and denied", Run(attack=Attack(shots=[*beside.shots, *denied.shots]), cpu_seconds=spent)
        )


def _set_bounds(stack: Stack) -> None:
    stack.settings = f"cache: {{listing_seconds: {_LISTING_SECONDS}}}\n"
    stack.stale_listing_seconds = _BOUND_SECONDS
    stack.write_configuration()


def _under_fault(bench: Bench, warm: Reference, cold: Sequence[Reference]) -> tuple[Attack, Attack]:
    warm_targets = bench.write_targets(reviews([warm], _RATE), name="warm")
    cold_targets = bench.write_targets((next(reviews([image], 1)) for image in cold), _TIMEOUT, name="cold")
    ca = bench.stack.ca
    with ThreadPoolExecutor(2) as pool:
        beside = pool.submit(attack_open, warm_targets, ca=ca, rate=_RATE, seconds=_SECONDS)
        denied = pool.submit(attack_closed, cold_targets, ca=ca, connections=_CONNECTIONS)
    bench.account(len(beside.result().shots) + len(denied.result().shots))
    require_verdicts(beside.result(), allowed=True)
    if not any(b"stale-seconds" in shot.answer for shot in beside.result().shots):
        raise LoadError("the figure is void: the warm image did not need what was known of it")
    require_verdicts(denied.result(), allowed=False)
    return beside.result(), denied.result()
