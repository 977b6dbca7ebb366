"""Counters in prometheus-client's multi-process mode.

The library decides for that mode when it is imported, by the variable PROMETHEUS_MULTIPROC_DIR, which the supervisor
sets for the workers: counts are then right whatever worker answers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_REGISTRY = CollectorRegistry()
_DECISIONS = Counter("assay_decisions", "Recorded decisions.", ["kind", "verdict"], registry=_REGISTRY)
_FAILURES = Counter("assay_failures", "Calls that ended without a decision.", ["code"], registry=_REGISTRY)
_REGISTRY_EVENTS = Counter(
    "assay_registry_events", "Requests to registries and what became of them.", ["event"], registry=_REGISTRY
)
_STEPS = Histogram(
    "assay_step_seconds",
    "Duration of the steps of a decision.",
    ["step"],
    registry=_REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_RELOADS = Counter("assay_trust_reloads", "Reloads of trust by the workers.", ["outcome"], registry=_REGISTRY)
_REFRESHES = Counter(
    "assay_trust_refreshes",
    "Refreshes from repositories.",
    ["root", "outcome"],
    registry=_REGISTRY,
)


class PrometheusMetrics:
    """The ports Metrics and TrustMetrics; labels come from closed sets (kinds, verdicts, reason codes, steps)."""

    def count_decision(self, kind: str, verdict: str) -> None:
        """Count one recorded decision."""
        _DECISIONS.labels(kind, verdict).inc()

    def count_failure(self, code: str) -> None:
        """Count one failure by its code."""
        _FAILURES.labels(code).inc()

    def count_registry(self, event: str) -> None:
        """Count one event between us and registries."""
        _REGISTRY_EVENTS.labels(event).inc()

    def observe_step(self, step: str, seconds: float) -> None:
        """Add the duration of one step."""
        _STEPS.labels(step).observe(seconds)

    def count_reload(self, outcome: str) -> None:
        """Count one reload of trust."""
        _RELOADS.labels(outcome).inc()

    def count_refresh(self, root: str, outcome: str) -> None:
        """Count one refresh of a trust root."""
        _REFRESHES.labels(root, outcome).inc()


@dataclass(frozen=True, kw_only=True, eq=False)
class _RootAges(Collector):
    """The ages of trust roots in seconds, as they are when they are asked for."""

    ages: Mapping[str, float]

    def collect(self) -> Iterable[Metric]:
        """One sample for each root that something refreshes."""
        name, help_text = "assay_trust_root_age_seconds", "Seconds since a trust root was last confirmed."
        family = GaugeMetricFamily(name, help_text, labels=["root"])
        for root, age in sorted(self.ages.items()):
            family.add_metric([root], age)
        return [family]


def render_metrics(root_ages: Mapping[str, float]) -> bytes:
    """The text exposition over all processes; needs PROMETHEUS_MULTIPROC_DIR in the environment."""
    registry = CollectorRegistry()
    registry.register(_RootAges(ages=root_ages))
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return generate_latest(registry)
