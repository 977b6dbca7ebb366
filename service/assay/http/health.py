"""Liveness, readiness and metrics."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, Response, jsonify, request

from assay.domain.deadline import Deadline
from assay.domain.server_status import SERVER_STATUS, ServerStatus
from assay.http.parts import ServiceParts

_READINESS_SECONDS = 2.0


def health_blueprint(parts: ServiceParts) -> Blueprint:
    """`/healthz`, `/readyz`, `/metrics`."""
    blueprint = Blueprint("health", __name__)
    blueprint.add_url_rule("/healthz", view_func=answer_liveness)

    @blueprint.get("/readyz")
    def ready() -> tuple[Response, int]:
        report = parts.readiness(Deadline.after(_READINESS_SECONDS, parts.clock.monotonic))
        return answer_readiness(report, parts.warnings())

    @blueprint.get("/metrics")
    def metrics() -> Response:
        parts.require_auditor()
        return Response(parts.metrics_text(), content_type="text/plain; version=0.0.4; charset=utf-8")

    return blueprint


def answer_liveness() -> Response:
    """That this process answers."""
    return jsonify(status="alive")


def answer_readiness(report: Mapping[str, str], warnings: Sequence[str]) -> tuple[Response, int]:
    """Whether every part of a report is ready, and the server is not about to end."""
    server: ServerStatus = request.environ.get(SERVER_STATUS, ServerStatus())
    failing = {name: reason for name, reason in report.items() if reason}
    if server.draining:
        failing["server"] = "it was told to end and finishes what it has begun"
    body = jsonify(
        status="not ready" if failing else "ready",
        failing=failing,
        warnings=[*warnings, *server.warnings],
        parts=sorted(report),
    )
    return body, 503 if failing else 200
