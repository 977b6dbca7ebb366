"""Metrics that a test can read."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class CountingMetrics:
    """Counts decisions, failures and steps."""

    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    reloads: Counter[str] = field(default_factory=Counter)
    refreshes: Counter[tuple[str, str]] = field(default_factory=Counter)
    notifications: Counter[tuple[str, str]] = field(default_factory=Counter)
    cache: Counter[tuple[str, str]] = field(default_factory=Counter)
    ages: list[float] = field(default_factory=list)
    coalesced: int = 0
    prewarms: Counter[tuple[str, str]] = field(default_factory=Counter)
    watches: Counter[tuple[str, str]] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    confirmed: list[tuple[str, float]] = field(default_factory=list)
    admissions: Counter[tuple[str, str, str, bool]] = field(default_factory=Counter)
    keys: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: list[tuple[str, float]] = field(default_factory=list)

    def count_decision(self, kind: str, verdict: str) -> None:
        self.decisions[kind, verdict] += 1

    def count_failure(self, code: str) -> None:
        self.failures[code] += 1

    def observe_step(self, step: str, seconds: float) -> None:
        assert seconds >= 0
        self.steps[step] += 1

    def count_notification(self, kind: str, outcome: str) -> None:
        self.notifications[kind, outcome] += 1

    def count_cache(self, layer: str, outcome: str) -> None:
        self.cache[layer, outcome] += 1

    def observe_age(self, seconds: float) -> None:
        self.ages.append(seconds)

    def count_coalesced(self) -> None:
        self.coalesced += 1

    def count_admission(self, hook: str, *, decision: str, reason: str, dry_run: bool) -> None:
        self.admissions[hook, decision, reason, dry_run] += 1

    def count_key(self, purpose: str, outcome: str) -> None:
        self.keys[purpose, outcome] += 1

    def observe_admission(self, hook: str, seconds: float) -> None:
        assert seconds >= 0
        self.durations.append((hook, seconds))

    def count_prewarm(self, why: str, outcome: str) -> None:
        self.prewarms[why, outcome] += 1

    def count_reload(self, outcome: str) -> None:
        self.reloads[outcome] += 1

    def count_refresh(self, root: str, outcome: str) -> None:
        self.refreshes[root, outcome] += 1

    def count_watch(self, resource: str, outcome: str) -> None:
        self.watches[resource, outcome] += 1

    def count_unreadable(self, resource: str) -> None:
        self.unreadable[resource] += 1

    def set_confirmed(self, resource: str, timestamp: float) -> None:
        self.confirmed.append((resource, timestamp))
