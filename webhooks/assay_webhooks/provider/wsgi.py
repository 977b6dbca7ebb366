"""WSGI entry point of the provider for Gatekeeper; `assay serve` starts it."""

from assay.bootstrap.provider import provider_parts_from_environment
from assay_webhooks.provider.application import create_provider_application
from assay_webhooks.provider.door import ProviderDoor

_parts = provider_parts_from_environment()
application = create_provider_application(
    ProviderDoor(
        provide=_parts.provide,
        metrics=_parts.metrics,
        clock=_parts.clock,
        names_of=_parts.names_of,
        client_names=_parts.client_names,
        seconds=_parts.seconds,
    )
)
application.extensions.update(_parts.extensions)
