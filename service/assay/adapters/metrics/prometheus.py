"""Counters in prometheus-client's multi-process mode.

The library decides for that mode when it is imported, by the variable PROMETHEUS_MULTIPROC_DIR, which the supervisor
sets for the workers: counts are then right whatever worker answers.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_REGISTRY = CollectorRegistry()
_DECISIONS = Counter("assay_decisions", "Recorded decisions.", ["kind", "verdict"], registry=_REGISTRY)
_FAILURES = Counter("assay_failures", "Calls that ended without a decision.", ["code"], registry=_REGISTRY)
_STEPS = Histogram(
    "assay_step_seconds",
    "Duration of the steps of a decision.",
    ["step"],
    registry=_REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class PrometheusMetrics:
    """The Metrics port; labels come from closed sets (kinds, verdicts, reason codes, steps)."""

    def count_decision(self, kind: str, verdict: str) -> None:
        """Count one recorded decision."""
        _DECISIONS.labels(kind, verdict).inc()

    def count_failure(self, code: str) -> None:
        """Count one failure by its code."""
        _FAILURES.labels(code).inc()

    def observe_step(self, step: str, seconds: float) -> None:
        """Add the duration of one step."""
        _STEPS.labels(step).observe(seconds)


def render_metrics() -> bytes:
    """The text exposition over all worker processes; needs PROMETHEUS_MULTIPROC_DIR in the environment."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return generate_latest(registry)
