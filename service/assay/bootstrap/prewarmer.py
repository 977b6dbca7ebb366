"""The process that verifies images before anybody asks: one for an installation, below the others in priority."""

import logging
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from assay.adapters.prewarmer.server import PrewarmerSocket
from assay.bootstrap.applications import running_engine
from assay.bootstrap.cluster import open_cluster
from assay.bootstrap.engine import RunningEngine
from assay.bootstrap.installation import Installation
from assay.configuration.settings import WebhookSettings
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError
from assay.ports import Prewarmer
from assay.usecases.prewarm import Prewarming
from assay.usecases.sighting import GuardedCluster, offer_decided, offer_wanted
from assay.usecases.waiting_images import WaitingImages

_LOG = logging.getLogger(__name__)
_NICE = 10
_LONGEST_WAIT = 1.0
_AGAIN_SECONDS = 5.0
_LOOK_SECONDS = 60.0
_CLUSTER_SECONDS = 300.0
_LIST_SECONDS = 60.0
_MEMORY = timedelta(days=1)
_OVERLAP = timedelta(seconds=5)


def run_prewarmer(stop: threading.Event) -> None:
    """Verify what was seen and keep it warm, until `stop` is set.

    Nothing that a registry, the cluster or the log does ends the process; what nobody foresaw is counted, logged and
    tried again.
    """
    os.nice(_NICE)
    installation, running = running_engine()
    prewarmed = installation.settings.prewarmed
    if prewarmed is None:
        raise ConfigError("prewarm_missing", "the configuration asks for no pre-warmer", remedy="add `webhook.prewarm`")
    webhook, prewarm = prewarmed
    waiting = WaitingImages(most=prewarm.images)
    prewarming = Prewarming(
        engine=running.engine,
        metrics=running.metrics,
        waiting=waiting,
        scopes=webhook.scopes,
        most=prewarm.images,
        tell=lambda error: _LOG.error("an image was not verified", exc_info=error),
    )
    running.begin()
    looking = _Looking(installation, running, webhook)
    receiver = PrewarmerSocket(installation.prewarmer_socket)
    _start("seen", lambda: receiver.receive(waiting.offer, stop), stop)
    _start("decisions", lambda: _repeat(running, lambda: looking.look_at_decisions(waiting), stop), stop)
    if prewarm.replica_sets:
        looking.follow(stop)
        look = partial(looking.look_at_cluster, waiting)
        _start("replica sets", lambda: _repeat(running, look, stop, after_failure=_LOOK_SECONDS), stop)
    _repeat(running, lambda: min(_LONGEST_WAIT, prewarming.turn()), stop)


def _start(name: str, work: Callable[[], None], stop: threading.Event) -> None:
    """Do work in a thread; should it end, so does the process, which the supervisor then starts again."""

    def run() -> None:
        try:
            work()
        finally:
            stop.set()

    threading.Thread(target=run, name=name, daemon=True).start()


def _repeat(
    running: RunningEngine, work: Callable[[], float], stop: threading.Event, *, after_failure: float = _AGAIN_SECONDS
) -> None:
    """Take turns until `stop` is set; each says the seconds until the next one."""
    pause = 0.0
    while not stop.wait(pause):
        pause = _guarded(running, work, otherwise=after_failure)


def _guarded(running: RunningEngine, work: Callable[[], float], *, otherwise: float) -> float:
    try:
        return work()
    except AssayError as error:
        _LOG.warning("a turn of the pre-warmer failed: %s", error.message)
        running.metrics.count_failure(error.code)
    except Exception:  # noqa: BLE001  # long-lived threads: nothing is allowed here, only less is warm
        _LOG.exception("a turn of the pre-warmer failed unexpectedly")
        running.metrics.count_failure("internal")
    return otherwise


class _Looking:
    """Looks for images where nobody tells of them; each place is looked at by one thread."""

    def __init__(self, installation: Installation, running: RunningEngine, webhook: WebhookSettings) -> None:
        self._running = running
        self._since = running.clock.now() - _MEMORY
        self._cluster = open_cluster(installation, clock=running.clock, metrics=running.metrics)
        self._tenants = webhook.tenants
        self._exempt = webhook.coverage.exempt_namespaces
        self._mirrors = installation.settings.registries.mirror_names

    def follow(self, stop: threading.Event) -> None:
        """Begin to follow the namespaces, whose labels may say whose they are."""
        if self._cluster is not None:
            self._cluster.follow(stop)

    def look_at_decisions(self, prewarmer: Prewarmer) -> float:
        """Offer what was allowed since the last look."""
        begun = self._running.clock.now()
        offer_decided(self._running.archive, prewarmer, since=self._since)
        self._since = begun - _OVERLAP
        return _LOOK_SECONDS

    def look_at_cluster(self, prewarmer: Prewarmer) -> float:
        """Offer what the ReplicaSets want."""
        if self._cluster is None or self._cluster.late():
            return _AGAIN_SECONDS
        guarded = GuardedCluster(
            cluster=self._cluster, tenants=self._tenants, exempt=self._exempt, mirrors=self._mirrors
        )
        offer_wanted(guarded, prewarmer, Deadline.after(_LIST_SECONDS, self._running.clock.monotonic))
        return _CLUSTER_SECONDS
