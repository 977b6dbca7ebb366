"""What is counted: ports with labels from closed sets."""

from typing import Protocol


class Metrics(Protocol):
    """Counters with labels from closed sets."""

    def count_decision(self, kind: str, verdict: str) -> None:
        """Count one recorded decision."""
        ...

    def count_failure(self, code: str) -> None:
        """Count one failure by its code."""
        ...

    def observe_step(self, step: str, seconds: float) -> None:
        """Add the duration of one of the five steps."""
        ...


class AdmissionMetrics(Metrics, Protocol):
    """Counters of the admission webhook."""

    def count_admission(self, hook: str, *, decision: str, reason: str, dry_run: bool) -> None:
        """Count one answered review: `mutate` or `validate`; `allow` or `deny`.

        `reason` is `allowed`, an exemption or the reason of a denial.
        """
        ...

    def observe_admission(self, hook: str, seconds: float) -> None:
        """Add the time that one review took."""
        ...


class ProviderMetrics(Metrics, Protocol):
    """Counters of the provider for Gatekeeper."""

    def count_key(self, purpose: str, outcome: str) -> None:
        """Count one answered key: `validate` or `mutate`; `allowed`, `denied`, `retryable` or `refused`."""
        ...


class NotificationMetrics(Metrics, Protocol):
    """What is counted of notifications."""

    def count_notification(self, kind: str, outcome: str) -> None:
        """Count one call by the kind of its source: `taken`, `ignored`, `refused` or `failed`."""
        ...


class EngineMetrics(Metrics, Protocol):
    """What the use cases count besides; labels come from closed sets."""

    def count_cache(self, layer: str, outcome: str) -> None:
        """Count one look into what is kept: `memory`, `store` or `request`; `hit`, `stale`, `miss` or `failure`.

        `stale` in `memory` was given although it was too old, because a registry did not answer.
        """
        ...

    def observe_age(self, seconds: float) -> None:
        """Add the age of the listing behind a verdict that was given again."""
        ...

    def count_coalesced(self) -> None:
        """Count one wait for a judgement that was under way."""
        ...


class ServerMetrics(Protocol):
    """Counters of the web servers themselves."""

    def count_refusal(self, server: str, reason: str) -> None:
        """Count one request that a server answered by itself, by the server's name and a `Refusal`."""
        ...


class PrewarmMetrics(Protocol):
    """What the pre-warmer counts; labels come from closed sets."""

    def count_prewarm(self, why: str, outcome: str) -> None:
        """Count one image whose turn it was, by where it was seen: `notification`, `replica_set` or `decision`.

        The outcome is `allowed`, `denied`, `refused` (our credentials do not suffice), `fresh` (somebody looked a
        moment ago), `unavailable` or `internal`.
        """
        ...


class TrustMetrics(Protocol):
    """Counters of what keeps trust up to date, with labels from closed sets."""

    def count_reload(self, outcome: str) -> None:
        """Count one reload of trust: `reloaded`, `refused` or `internal`."""
        ...

    def count_refresh(self, root: str, outcome: str) -> None:
        """Count one refresh of a trust root: `changed`, `confirmed`, `failed`, `refused` or `internal`."""
        ...


class ClusterMetrics(Protocol):
    """What is told of following the cluster: of its `namespaces` and its `replicasets`."""

    def count_watch(self, resource: str, outcome: str) -> None:
        """Count one turn of a watch: `listed`, `watched`, `expired`, `failed` or `internal`."""
        ...

    def count_unreadable(self, resource: str) -> None:
        """Count one object that could not be read, of which nothing is known therefore."""
        ...

    def set_confirmed(self, resource: str, timestamp: float) -> None:
        """Tell when what is known was last confirmed, in seconds since 1970."""
        ...
