"""Counters in prometheus-client's multi-process mode.

The library decides for that mode when it is imported, by the variable PROMETHEUS_MULTIPROC_DIR, which the supervisor
sets for the workers: counts are then right whatever worker answers.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from assay.domain.decision import DecisionKind, Verdict

_process = [os.getpid()]
os.register_at_fork(after_in_child=lambda: _process.insert(0, os.getpid()))
if values.ValueClass._multiprocess:  # noqa: SLF001  # the library's own word for the mode
    # It would ask the kernel with every count whether the process was forked since, which takes longer than counting.
    values.ValueClass = values.MultiProcessValue(lambda: _process[0])  # type: ignore[no-untyped-call]  # untyped library

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
_ADMISSIONS = Counter(
    "assay_admission_requests",
    "Answered admission reviews.",
    ["hook", "decision", "reason", "dry_run"],
    registry=_REGISTRY,
)
_ADMISSION_TIMES = Histogram(
    "assay_admission_duration_seconds",
    "Time from a review to its answer.",
    ["hook"],
    registry=_REGISTRY,
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_PROVIDER_KEYS = Counter(
    "assay_provider_keys", "Keys answered to Gatekeeper.", ["purpose", "outcome"], registry=_REGISTRY
)
_REFUSALS = Counter(
    "assay_server_refusals", "Requests that a server answered by itself.", ["server", "reason"], registry=_REGISTRY
)
_NOTIFICATIONS = Counter(
    "assay_notifications",
    "Notifications of registries and what became of them.",
    ["kind", "outcome"],
    registry=_REGISTRY,
)
_CACHE = Counter(
    "assay_cache_events", "Looks into what is kept and what became of them.", ["layer", "outcome"], registry=_REGISTRY
)
_CACHE_AGE = Histogram(
    "assay_cache_age_seconds",
    "Age of the listing behind a verdict that was given again.",
    registry=_REGISTRY,
    buckets=(1, 2, 5, 10, 15, 30, 45, 60, 120, 300, 600, 1800, 3600),
)
_COALESCED = Counter("assay_coalesced", "Waits for a judgement that was under way.", registry=_REGISTRY)
_PREWARMS = Counter("assay_prewarms", "Images looked at before anybody asked.", ["why", "outcome"], registry=_REGISTRY)
_RELOADS = Counter("assay_trust_reloads", "Reloads of trust by the workers.", ["outcome"], registry=_REGISTRY)
_REFRESHES = Counter(
    "assay_trust_refreshes",
    "Refreshes from repositories.",
    ["root", "outcome"],
    registry=_REGISTRY,
)
_WATCHES = Counter(
    "assay_cluster_watches", "Turns of following the cluster.", ["resource", "outcome"], registry=_REGISTRY
)
_UNREADABLE = Counter(
    "assay_cluster_unreadable", "Objects of the cluster that could not be read.", ["resource"], registry=_REGISTRY
)
# The label keeps the workers that follow nothing out of the minimum: without one each of them would count as zero.
_CONFIRMED = Gauge(
    "assay_cluster_confirmed_timestamp_seconds",
    "When what is known of the cluster was last confirmed, by the worker that is furthest behind.",
    ["resource"],
    registry=_REGISTRY,
    multiprocess_mode="livemin",
)


@cache
def _counter(family: Counter, *labels: str) -> Counter:
    """The counter with these labels; they come from closed sets, so there are few."""
    return family.labels(*labels)


@cache
def _histogram(family: Histogram, *labels: str) -> Histogram:
    """The histogram with these labels; they come from closed sets, so there are few."""
    return family.labels(*labels)


_STEP_NAMES = ("resolve", "collect", "verify", "decide", "record")
_CACHE_EVENTS = (
    *(("memory", outcome) for outcome in ("hit", "stale", "miss")),
    *(("store", outcome) for outcome in ("hit", "stale", "miss", "failure")),
    *(("request", outcome) for outcome in ("hit", "miss")),
)


class PrometheusMetrics:
    """The ports of all metrics; labels come from closed sets."""

    def prepare_admission(self) -> None:
        """Have what every review counts stand at zero: the first one would wait for that, and a rate begins there."""
        for step in _STEP_NAMES:
            _histogram(_STEPS, step)
        for layer, outcome in _CACHE_EVENTS:
            _counter(_CACHE, layer, outcome)
        for verdict in Verdict:
            _counter(_DECISIONS, DecisionKind.ADMISSION.value, verdict.value)
        for hook in ("mutate", "validate"):
            _histogram(_ADMISSION_TIMES, hook)
            _counter(_ADMISSIONS, hook, "allow", "allowed", "false")
        _counter(_REGISTRY_EVENTS, "sent")

    def count_decision(self, kind: str, verdict: str) -> None:
        """Count one recorded decision."""
        _counter(_DECISIONS, kind, verdict).inc()

    def count_failure(self, code: str) -> None:
        """Count one failure by its code."""
        _counter(_FAILURES, code).inc()

    def count_registry(self, event: str) -> None:
        """Count one event between us and registries."""
        _counter(_REGISTRY_EVENTS, event).inc()

    def observe_step(self, step: str, seconds: float) -> None:
        """Add the duration of one step."""
        _histogram(_STEPS, step).observe(seconds)

    def count_admission(self, hook: str, *, decision: str, reason: str, dry_run: bool) -> None:
        """Count one answered review."""
        _counter(_ADMISSIONS, hook, decision, reason, "true" if dry_run else "false").inc()

    def observe_admission(self, hook: str, seconds: float) -> None:
        """Add the time that one review took."""
        _histogram(_ADMISSION_TIMES, hook).observe(seconds)

    def count_key(self, purpose: str, outcome: str) -> None:
        """Count one answered key."""
        _counter(_PROVIDER_KEYS, purpose, outcome).inc()

    def count_notification(self, kind: str, outcome: str) -> None:
        """Count one notification of a registry."""
        _counter(_NOTIFICATIONS, kind, outcome).inc()

    def count_cache(self, layer: str, outcome: str) -> None:
        """Count one look into what is kept."""
        _counter(_CACHE, layer, outcome).inc()

    def observe_age(self, seconds: float) -> None:
        """Add the age of the listing behind a verdict that was given again."""
        _CACHE_AGE.observe(seconds)

    def count_coalesced(self) -> None:
        """Count one wait for a judgement that was under way."""
        _COALESCED.inc()

    def count_refusal(self, server: str, reason: str) -> None:
        """Count one request that a server answered by itself."""
        _REFUSALS.labels(server, reason).inc()

    def count_prewarm(self, why: str, outcome: str) -> None:
        """Count one image that was looked at before anybody asked."""
        _counter(_PREWARMS, why, outcome).inc()

    def count_reload(self, outcome: str) -> None:
        """Count one reload of trust."""
        _counter(_RELOADS, outcome).inc()

    def count_refresh(self, root: str, outcome: str) -> None:
        """Count one refresh of a trust root."""
        _counter(_REFRESHES, root, outcome).inc()

    def count_watch(self, resource: str, outcome: str) -> None:
        """Count one turn of following a resource of the cluster."""
        _counter(_WATCHES, resource, outcome).inc()

    def count_unreadable(self, resource: str) -> None:
        """Count one object that could not be read."""
        _counter(_UNREADABLE, resource).inc()

    def set_confirmed(self, resource: str, timestamp: float) -> None:
        """Tell when what is known of a resource was last confirmed."""
        _CONFIRMED.labels(resource).set(timestamp)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Gauge(Collector):
    """A gauge with one label whose values are taken when they are asked for."""

    name: str
    help: str
    label: str
    values: Mapping[str, float]

    def collect(self) -> Iterable[Metric]:
        """One sample for each value of the label."""
        family = GaugeMetricFamily(self.name, self.help, labels=[self.label])
        for value, number in sorted(self.values.items()):
            family.add_metric([value], number)
        return [family]


def render_metrics(root_ages: Mapping[str, float], certificate_seconds: Mapping[str, float]) -> bytes:
    """The text exposition over all processes; needs PROMETHEUS_MULTIPROC_DIR in the environment."""
    registry = CollectorRegistry()
    roots = "Seconds since a trust root was last confirmed."
    registry.register(_Gauge(name="assay_trust_root_age_seconds", help=roots, label="root", values=root_ages))
    ends = "Seconds until the certificate of a server ends; 0 when its file cannot be read."
    registry.register(
        _Gauge(name="assay_certificate_expiry_seconds", help=ends, label="server", values=certificate_seconds)
    )
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return generate_latest(registry)
