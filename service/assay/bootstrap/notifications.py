"""The parts of the server that registries notify."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from assay.adapters.prewarmer.client import PrewarmerClient
from assay.adapters.secret.secret_file import SecretFiles
from assay.adapters.supervision.gunicorn_hooks import BEGIN, REFUSED
from assay.bootstrap.applications import running_engine
from assay.bootstrap.engine import failure_of
from assay.bootstrap.installation import Installation
from assay.configuration.settings import NotificationSettings
from assay.domain.errors import ConfigError
from assay.domain.notification import Delivery, NotificationSource
from assay.ports import Clock, Prewarmer
from assay.ports.metrics import NotificationMetrics
from assay.usecases.take_delivery import DeliveryDesk

Secrets = Callable[[], Sequence[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationParts:
    """What the server is built from.

    `sources` come with the secrets that count now; `failing` says of each part why it is not ready, or nothing;
    `extensions` are for the application, as its server expects them.
    """

    sources: Sequence[tuple[NotificationSource, Secrets]]
    take: Callable[[Delivery], None]
    failing: Callable[[], Mapping[str, str]]
    warnings: Callable[[], Sequence[str]]
    metrics: NotificationMetrics
    clock: Clock
    extensions: Mapping[str, Callable[..., None]]


def open_secrets(
    installation: Installation, settings: NotificationSettings
) -> Sequence[tuple[NotificationSource, Secrets]]:
    """The sources with their secrets; `ConfigError(secret_unusable)` naming the file."""
    return [(item.source, SecretFiles(list(map(installation.path, item.secrets))).read) for item in settings.sources]


def notification_parts_from_environment() -> NotificationParts:
    """The parts of the server that registries notify."""
    installation, running = running_engine()
    settings = installation.settings.notifications
    if settings is None:
        raise ConfigError(
            "notifications_missing", "the configuration has no notifications", remedy="add the section `notifications`"
        )
    sources = open_secrets(installation, settings)
    incidents = running.incident_watch()

    def failing() -> Mapping[str, str]:
        return {f"secrets of {source.name}": failure_of(read) for source, read in sources}

    def begin() -> None:
        running.begin()
        incidents.follow(threading.Event())

    return NotificationParts(
        sources=sources,
        take=DeliveryDesk(engine=running.engine, prewarmer=_open_prewarmer(installation)).take,
        failing=failing,
        warnings=lambda: [*running.warnings(), *incidents.warnings()],
        metrics=running.metrics,
        clock=running.clock,
        extensions={BEGIN: begin, REFUSED: partial(running.metrics.count_refusal, "notifications")},
    )


def _open_prewarmer(installation: Installation) -> Prewarmer | None:
    if installation.settings.prewarmed is None:
        return None
    return PrewarmerClient(path=installation.prewarmer_socket)
