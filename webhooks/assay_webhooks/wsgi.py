"""WSGI entry point of the admission webhook; `assay serve` starts it."""

from assay.bootstrap.applications import webhook_parts_from_environment
from assay_webhooks.application import create_application

_parts = webhook_parts_from_environment()
application = create_application(
    _parts.admit,
    _parts.metrics,
    _parts.failing,
    _parts.clock,
    coverage=_parts.coverage,
    timeout_seconds=_parts.timeout_seconds,
    warnings=_parts.warnings,
)
application.extensions.update(_parts.extensions)
