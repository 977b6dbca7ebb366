"""Liveness, readiness and metrics."""

from flask import Blueprint, Response, jsonify, request

from assay.domain.deadline import Deadline
from assay.domain.server_status import SERVER_STATUS, ServerStatus
from assay.http.parts import ServiceParts

_READINESS_SECONDS = 2.0


def health_blueprint(parts: ServiceParts) -> Blueprint:
    """`/healthz`, `/readyz`, `/metrics`."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def live() -> Response:
        return jsonify(status="alive")

    @blueprint.get("/readyz")
    def ready() -> tuple[Response, int]:
        report = parts.readiness(Deadline.after(_READINESS_SECONDS, parts.clock.monotonic))
        server: ServerStatus = request.environ.get(SERVER_STATUS, ServerStatus())
        failing = {name: reason for name, reason in report.items() if reason}
        if server.draining:
            failing["server"] = "it was told to end and finishes what it has begun"
        status, warnings = "not ready" if failing else "ready", [*parts.warnings(), *server.warnings]
        body = jsonify(status=status, failing=failing, warnings=warnings, parts=sorted(report))
        return body, 503 if failing else 200

    @blueprint.get("/metrics")
    def metrics() -> Response:
        parts.require_auditor()
        return Response(parts.metrics_text(), content_type="text/plain; version=0.0.4; charset=utf-8")

    return blueprint
