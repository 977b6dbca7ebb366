"""WSGI entry point of the server that registries notify; `assay serve` starts it."""

from assay.bootstrap.notifications import notification_parts_from_environment
from assay.http.notifications import NotificationDoor, create_notification_service
from assay_webhooks.notification.reception import KnownSource, Reception

_parts = notification_parts_from_environment()
_known = [KnownSource(source=source, secrets=secrets) for source, secrets in _parts.sources]
application = create_notification_service(
    NotificationDoor(
        receive=Reception(_known, _parts.take, _parts.metrics, _parts.clock).receive,
        failing=_parts.failing,
        warnings=_parts.warnings,
        metrics=_parts.metrics,
    )
)
application.extensions.update(_parts.extensions)
