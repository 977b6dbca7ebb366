"""Trust that follows its files and key services while requests run."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from assay.adapters.trust.loading import LoadedTrust, ask_remote_keys, load_trust
from assay.adapters.trust.source import TrustSources
from assay.domain.errors import AssayError, ConfigError
from assay.ports import Clock
from assay.ports.metrics import TrustMetrics
from assay.verification.trust_snapshot import TrustSnapshot

_LOG = logging.getLogger(__name__)
_LOOK_EVERY = 1.0
_RETRY_EVERY = 30.0
_STALLED_AFTER = 30.0

_Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What was read, from which files in which state, and what of it counted at `taken_at`."""

    loaded: LoadedTrust
    sources: TrustSources
    stamp: _Stamp
    snapshot: TrustSnapshot
    taken_at: datetime


class LiveTrust:
    """The trust of a process: one reference, exchanged when a file or a key that a service keeps has changed.

    `follow` starts a thread that looks at the files every second, and has key services asked in the background when it
    is time to; requests take what is held and never wait. What cannot be used never replaces what is held: it is
    counted, logged and told by `refused`. A root or key that was confirmed too long ago stops counting without anybody
    looking. Safe to share between threads and to make before a fork.
    """

    def __init__(self, read: Callable[[], TrustSources], *, file: Path, clock: Clock, metrics: TrustMetrics) -> None:
        """Read everything: `read` gives the sources that `file` describes. Raises `ConfigError` as `load_trust`."""
        self._read = read
        self._file = file
        self._clock = clock
        self._metrics = metrics
        self._tried: _Stamp = ()
        self._next_retry = 0.0
        self._refused = ""
        self._looked: float | None = None
        self._held = self._load()

    def snapshot(self) -> TrustSnapshot:
        """What is trusted now."""
        held, now = self._held, self._clock.now()
        return held.loaded.at(now) if _changed_with_time(held, now) else held.snapshot

    def follow(self, stop: threading.Event) -> None:
        """Look at the files now and then every second in a thread of this process, until `stop` is set.

        What was read before the fork may be old. So where the files have changed since then and cannot be used now,
        nobody is trusted until they can: an older trust than the other processes have is never gone back to. Remote
        keys that are not fresh are asked for first, which takes as long as one call.
        """
        with suppress(ConfigError):  # such a key was never known: it is missing, with this as its reason
            ask_remote_keys(self._held.sources)
        self.look()
        if self._refused:
            nobody = LoadedTrust(authorities=(), roots={})
            self._held = replace(self._held, loaded=nobody, stamp=(), snapshot=nobody.at(self._clock.now()))
        threading.Thread(target=self._follow, args=(stop,), name="trust", daemon=True).start()

    def _follow(self, stop: threading.Event) -> None:
        while not stop.wait(_LOOK_EVERY):
            try:
                self.look()
            except Exception:  # noqa: BLE001  # a long-lived thread: a look that fails is late, and lateness fails readiness
                self._metrics.count_reload("internal")
                _LOG.exception("the files of trust could not be looked at")

    def stalled(self) -> str:
        """Why the files are not followed as they should be; empty when they are, or `follow` was never called."""
        if self._looked is None or self._clock.monotonic() - self._looked <= _STALLED_AFTER:
            return ""
        return "its files have not been looked at for too long"

    def refused(self) -> str:
        """Why the files as they are now are not what is trusted; empty when they are."""
        return self._refused

    def late(self) -> Sequence[str]:
        """The names of the roots that were to be refreshed long ago."""
        now, origins = self._clock.now(), self.snapshot().origins
        fetched = {name: origin.fetched_at for name, origin in origins.items()}
        return [
            source.name
            for source in self._held.sources.roots
            if source.tuf is not None
            if (time := fetched.get(source.name)) is None or now - time > 2 * source.tuf.refresh
        ]

    def look(self) -> None:
        """Take up what has changed, if anything; one thread at a time."""
        held = self._held
        stamp = (_state_of(self._file), *map(_state_of, held.sources.files()))
        if stamp == held.stamp:
            self._refused = ""
        elif stamp != self._tried or self._clock.monotonic() >= self._next_retry:
            self._tried, self._next_retry = stamp, self._clock.monotonic() + _RETRY_EVERY
            self._reload()
        self._take_up()
        self._looked = self._clock.monotonic()

    def _take_up(self) -> None:
        """Take up the remote keys as they are known now, and what time has ended."""
        held, now = self._held, self._clock.now()
        for key in held.sources.remote_keys():
            key.source.refresh()
        loaded = held.loaded.with_remote_keys()
        if loaded.authorities == held.loaded.authorities and not _changed_with_time(held, now):
            return
        snapshot = loaded.at(now)
        self._held = replace(held, loaded=loaded, snapshot=snapshot, taken_at=now)
        if loaded.authorities != held.loaded.authorities and snapshot.digest != held.snapshot.digest:
            self._metrics.count_reload("reloaded")
            _LOG.info("trust was reloaded, a key service keeps other keys: %s", snapshot.digest)

    def _reload(self) -> None:
        try:
            self._held = self._load()
        except AssayError as error:
            self._refused = error.message
            self._metrics.count_reload("refused")
            _LOG.warning("trust was not reloaded, the last one stays: %s: %s", error.code, error.message)
            return
        self._refused = ""
        self._metrics.count_reload("reloaded")
        _LOG.info("trust was reloaded: %s", self._held.snapshot.digest)

    def _load(self) -> _Held:
        # Each file's state is taken before the file is read: what changes in between is found at the next look.
        described = _state_of(self._file)
        sources = self._read()
        stamp = (described, *map(_state_of, sources.files()))
        loaded, now = load_trust(sources), self._clock.now()
        return _Held(loaded=loaded, sources=sources, stamp=stamp, snapshot=loaded.at(now), taken_at=now)


def _changed_with_time(held: _Held, now: datetime) -> bool:
    return any(held.taken_at <= end < now for end in held.loaded.ends())


def _state_of(path: Path) -> tuple[int, int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns
