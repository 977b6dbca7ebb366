"""WSGI entry point of the admission webhook; `assay serve` starts it."""

import threading

from assay.bootstrap.applications import webhook_parts_from_environment
from assay_webhooks.application import create_application
from assay_webhooks.arming_watch import ArmingWatch

_parts = webhook_parts_from_environment()
_watch = ArmingWatch(_parts.objects, _parts.record_arming, _parts.clock)
application = create_application(
    _parts.admit,
    _parts.metrics,
    _parts.failing,
    _parts.clock,
    coverage=_parts.coverage,
    timeout_seconds=_parts.timeout_seconds,
    warnings=lambda: [*_parts.warnings(), *_watch.warnings()],
    admit_soon=_parts.admit_soon,
    in_loop=_parts.in_loop,
)
application.extensions.update(_parts.begin_also(lambda: _watch.follow(threading.Event())))
