"""Rows about a registry that fails: what needs it is denied in time, what does not need it is not slower."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from assay.domain.reference import Reference
from benchmarks.admission_bench import Bench, require_verdicts
from benchmarks.admission_warm import reviews, warm_images
from benchmarks.faulty_proxy import Behaviour
from benchmarks.figure import Figure
from benchmarks.vegeta import Attack, attack_closed, attack_open

_TIMEOUT, _LEAST_LEFT = 5, 0.3
_RATE, _SECONDS = 50, 8
_COLD, _CONNECTIONS = 8, 4
_BROKEN = (Behaviour.SLOW, Behaviour.DROPPING, Behaviour.UNAVAILABLE, Behaviour.REFUSING)


def broken_registry(bench: Bench, share: int) -> Iterator[Figure]:
    """Each fault once: seconds that are left to the API server after the slowest denial, and the warm tail beside."""
    del share
    (warm,) = warm_images(bench, 1)
    healthy = bench.open(reviews([warm], _RATE), rate=_RATE, seconds=_SECONDS).attack
    for behaviour in _BROKEN:
        cold = bench.push_images(_COLD, path=f"cold-{behaviour.name.lower()}")
        # How long an outage may last before a warm image needs its registry again is a setting, not this figure.
        bench.closed(reviews([warm], _RATE), connections=_CONNECTIONS)
        bench.proxy.turn(behaviour)
        try:
            beside, denied = _under_fault(bench, warm, cold)
        finally:
            bench.proxy.turn(Behaviour.HONEST)
        label = f"admission, registry {behaviour}"
        left = _TIMEOUT - max(shot.seconds for shot in denied.shots)
        yield Figure(name=f"{label}: left at the denial", value=left, unit="s", goal=_LEAST_LEFT, at_least=True)
        ratio = beside.milliseconds(0.99) / healthy.milliseconds(0.99)
        yield Figure(name=f"{label}: warm p99 to healthy", value=ratio, unit="x", goal=1.2)


def _under_fault(bench: Bench, warm: Reference, cold: Sequence[Reference]) -> tuple[Attack, Attack]:
    warm_targets = bench.write_targets(reviews([warm], _RATE), name="warm")
    cold_targets = bench.write_targets((next(reviews([image], 1)) for image in cold), _TIMEOUT, name="cold")
    ca = bench.stack.ca
    with ThreadPoolExecutor(2) as pool:
        beside = pool.submit(attack_open, warm_targets, ca=ca, rate=_RATE, seconds=_SECONDS)
        denied = pool.submit(attack_closed, cold_targets, ca=ca, connections=_CONNECTIONS)
    bench.account(len(beside.result().shots) + len(denied.result().shots))
    require_verdicts(beside.result(), allowed=True)
    require_verdicts(denied.result(), allowed=False)
    return beside.result(), denied.result()
