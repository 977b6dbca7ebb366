"""The process that verifies images before anybody asks: one for an installation, below the others in priority."""

import logging
import os
import threading
from collections.abc import Callable
from datetime import timedelta

from assay.adapters.kubernetes.cluster import KubernetesCluster
from assay.adapters.prewarmer.server import PrewarmerSocket
from assay.bootstrap.applications import running_engine
from assay.bootstrap.cluster import open_cluster
from assay.bootstrap.engine import RunningEngine
from assay.domain.errors import AssayError, ConfigError
from assay.ports import Prewarmer
from assay.usecases.prewarm import Prewarming
from assay.usecases.sighting import GuardedCluster, WantedSightings, offer_decided
from assay.usecases.waiting_images import WaitingImages

_LOG = logging.getLogger(__name__)
_NICE = 10
_LONGEST_WAIT = 1.0
_AGAIN_SECONDS = 5.0
_LOOK_SECONDS = 60.0
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
    past = _PastDecisions(running)
    receiver = PrewarmerSocket(installation.prewarmer_socket)
    _start("seen", lambda: receiver.receive(waiting.offer, stop), stop)
    _start("decisions", lambda: _repeat(running, lambda: past.look(waiting), stop), stop)
    cluster = open_cluster(installation, clock=running.clock, metrics=running.metrics) if prewarm.replica_sets else None
    if cluster is not None:
        guarded = GuardedCluster(
            cluster=cluster,
            tenants=webhook.tenants,
            exempt=webhook.coverage.exempt_namespaces,
            mirrors=installation.settings.registries.mirror_names,
        )
        _follow(cluster, WantedSightings(guarded=guarded, clock=running.clock), running, waiting, stop)
    _repeat(running, lambda: min(_LONGEST_WAIT, prewarming.turn()), stop)


def _start(name: str, work: Callable[[], None], stop: threading.Event) -> None:
    """Do work in a thread; should it end, so does the process, which the supervisor then starts again."""

    def run() -> None:
        try:
            work()
        finally:
            stop.set()

    threading.Thread(target=run, name=name, daemon=True).start()


def _repeat(running: RunningEngine, work: Callable[[], float], stop: threading.Event) -> None:
    """Take turns until `stop` is set; each says the seconds until the next one."""
    pause = 0.0
    while not stop.wait(pause):
        pause = _guarded(running, work)


def _guarded(running: RunningEngine, work: Callable[[], float]) -> float:
    try:
        return work()
    except AssayError as error:
        _LOG.warning("a turn of the pre-warmer failed: %s", error.message)
        running.metrics.count_failure(error.code)
    except Exception:  # noqa: BLE001  # long-lived threads: nothing is allowed here, only less is warm
        _LOG.exception("a turn of the pre-warmer failed unexpectedly")
        running.metrics.count_failure("internal")
    return _AGAIN_SECONDS


class _PastDecisions:
    """Looks into the log for images; for one thread."""

    def __init__(self, running: RunningEngine) -> None:
        self._running = running
        self._since = running.clock.now() - _MEMORY

    def look(self, prewarmer: Prewarmer) -> float:
        """Offer what was allowed since the last look."""
        begun = self._running.clock.now()
        offer_decided(self._running.archive, prewarmer, since=self._since)
        self._since = begun - _OVERLAP
        return _LOOK_SECONDS


def _follow(
    cluster: KubernetesCluster,
    sightings: WantedSightings,
    running: RunningEngine,
    prewarmer: Prewarmer,
    stop: threading.Event,
) -> None:
    """Offer what ReplicaSets want; the labels of a namespace may say whose they are, so both are followed."""

    def look() -> float:
        if not cluster.late():
            sightings.look(prewarmer)
        return _LONGEST_WAIT

    cluster.follow(stop)
    cluster.follow_replica_sets(stop)
    _start("wanted", lambda: _repeat(running, look, stop), stop)
