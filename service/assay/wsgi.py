"""WSGI entry point of the verification service; `assay serve` starts it."""

from assay.bootstrap import service_from_environment

application = service_from_environment()
