"""A signer, and a public key for verification, backed by a key service."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from assay.adapters.kms.key import KeyService, ServiceKey
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError, Unavailable
from assay.domain.identity import ConfirmedKey, PublicKey
from assay.ports import Clock

_LOGGER = logging.getLogger(__name__)
_CALL_SECONDS = 15.0
_FRESH_SECONDS = 300.0
_RETRY_SECONDS = 30.0
_LONGEST_SECONDS = 3600.0


class KmsSigner:
    """Signs with one version of a key: the one that was current when it was first asked.

    A rotation does not change a signer under way: its public key and its signatures belong together. Each call has
    `seconds` in all.
    """

    def __init__(self, service: KeyService, *, clock: Callable[[], float], seconds: float = _CALL_SECONDS) -> None:
        self._service = service
        self._clock = clock
        self._seconds = seconds
        self._key: ServiceKey | None = None

    def public_key(self) -> PublicKey:
        """The public half; fetched once."""
        return self._load().public_key

    def sign(self, message: bytes) -> bytes:
        """The signature over the message, made in the service."""
        return self._service.sign(self._load(), message, Deadline.after(self._seconds, self._clock))

    def _load(self) -> ServiceKey:
        if self._key is None:
            self._key = self._service.fetch_key(Deadline.after(self._seconds, self._clock))
        return self._key


class Work(Protocol):
    """What was started in the background."""

    def is_alive(self) -> bool:
        """Whether it still runs in this process."""
        ...

    def join(self, timeout: float) -> None:
        """Wait for its end, so many seconds at most."""
        ...


def in_background(work: Callable[[], None]) -> Work:
    """Do the work in a thread of its own that need not end before the process does."""
    thread = threading.Thread(target=work, name="kms-refresh", daemon=True)
    thread.start()
    return thread


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    confirmed: ConfirmedKey
    asked_at: float


class CachedKeySource:
    """A public key that is fetched in the background, every 300 s, and every 30 s while nobody answers.

    While the service does not answer, the last good key stands in, for an hour at most. `start` runs a fetch. Made
    before a fork, it works on in both processes: a fetch that was under way goes on in the first alone.
    """

    def __init__(
        self,
        fetch: Callable[[Deadline], PublicKey],
        *,
        clock: Clock,
        start: Callable[[Callable[[], None]], Work] = in_background,
        seconds: float = _CALL_SECONDS,
    ) -> None:
        self._fetch_key = fetch
        self._clock = clock
        self._start = start
        self._seconds = seconds
        self._work: Work | None = None
        self._asked_at = 0.0
        self._due_at = clock.monotonic()
        self._held: _Held | None = None
        self._failure: AssayError | None = None

    def refresh(self) -> None:
        """See `KeySource`."""
        now = self._clock.monotonic()
        if now < self._due_at or (self._work is not None and self._work.is_alive()):
            return
        self._asked_at, self._due_at = now, now + _RETRY_SECONDS
        self._work = self._start(self._fetch)

    def wait(self) -> None:
        """See `KeySource`."""
        left = self._asked_at + self._seconds - self._clock.monotonic()
        if self._work is not None and left > 0:
            self._work.join(left)
        if self._held is None and isinstance(self._failure, ConfigError):
            raise self._failure.with_traceback(None)

    def public_key(self) -> ConfirmedKey:
        """See `KeySource`."""
        held, failure = self._held, self._failure
        why = failure.message if failure is not None else "no answer has come yet"
        if held is None:
            raise _unavailable(f"it was never fetched: {why}")
        if self._clock.monotonic() - held.asked_at > _LONGEST_SECONDS:
            raise _unavailable(f"nobody has confirmed it for an hour: {why}")
        return held.confirmed

    def _fetch(self) -> None:
        asked_at, until = self._clock.monotonic(), self._clock.now() + timedelta(seconds=_LONGEST_SECONDS)
        try:
            key = self._fetch_key(Deadline.after(self._seconds, self._clock.monotonic))
        except AssayError as error:
            self._failure = error
            _LOGGER.warning("a trusted key could not be fetched: %s: %s", error.code, error.message)
            return
        self._held = _Held(confirmed=ConfirmedKey(key=key, trusted_until=until), asked_at=asked_at)
        self._failure, self._due_at = None, asked_at + _FRESH_SECONDS


def _unavailable(why: str) -> Unavailable:
    return Unavailable("key_unavailable", why, remedy="check the key service, its address and the credential")
