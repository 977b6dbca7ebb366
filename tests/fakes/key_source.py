"""A key service that a test replaces, silences and counts."""

from dataclasses import dataclass
from datetime import timedelta

from assay.domain.errors import ConfigError, Unavailable
from assay.domain.identity import ConfirmedKey, PublicKey
from assay.ports import Clock

HOUR = timedelta(hours=1)


@dataclass
class FakeKeySource:
    """Answers at once with `key`, which counts for an hour from each answer; with None nobody answers."""

    key: PublicKey | None
    clock: Clock
    refreshed: int = 0
    waited: int = 0
    unusable: ConfigError | None = None
    confirmed: ConfirmedKey | None = None

    def refresh(self) -> None:
        self.refreshed += 1
        if self.key is not None:
            self.confirmed = ConfirmedKey(key=self.key, trusted_until=self.clock.now() + HOUR)

    def wait(self) -> None:
        self.waited += 1
        if self.unusable is not None:
            raise self.unusable

    def public_key(self) -> ConfirmedKey:
        if self.confirmed is None:
            raise Unavailable("key_unavailable", "it was never fetched: silence", remedy="wait")
        return self.confirmed
