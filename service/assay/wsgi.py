"""WSGI entry point of the verification service; `assay serve` starts it."""

from assay.bootstrap.applications import service_from_environment

application = service_from_environment()
