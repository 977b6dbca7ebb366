"""The log as a whole: its key, and the walk that re-hashes it."""

from flask import Blueprint, Response, jsonify

from assay.http.parameter import LARGEST_INDEX, integer_parameter, read_parameters
from assay.http.parts import ServiceParts

_WALK_STRIDE = 500


def log_blueprint(parts: ServiceParts) -> Blueprint:
    """`/v1/log/key` and `/v1/log/verification`; for auditors of any tenant, because they show no content."""
    blueprint = Blueprint("log", __name__)

    @blueprint.get("/v1/log/key")
    def key() -> Response:
        parts.require_auditor()
        return Response(parts.log_key() + "\n", content_type="text/plain; charset=utf-8")

    @blueprint.get("/v1/log/verification")
    def verify() -> Response:
        parts.require_auditor()
        given = read_parameters(frozenset({"start"}))
        start = integer_parameter(given, "start", 0, lowest=0, highest=LARGEST_INDEX)
        page = parts.archive.walk(start, _WALK_STRIDE)
        damages = [
            {"index": item.index, "id": item.id, "part": item.part.value, "detail": item.detail}
            for item in page.damages
        ]
        return jsonify(size=page.size, next=page.next, damages=damages)

    return blueprint
