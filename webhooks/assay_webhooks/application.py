"""The webhook's WSGI application."""

from collections.abc import Callable, Mapping, Sequence

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from assay.domain.coverage import Coverage
from assay.domain.http_call import AnswerSoon
from assay.domain.server_status import SERVER_STATUS, ServerStatus
from assay.ports import Clock
from assay.ports.metrics import AdmissionMetrics
from assay_webhooks.admission import AdmissionDoor, Admit, AdmitSoon

Readiness = Callable[[], Sequence[str]]
"""Names what is not ready, from a closed set; empty when everything is."""
Warnings = Callable[[], Sequence[str]]
"""Says what works and needs somebody all the same."""


def create_application(
    admit: Admit,
    metrics: AdmissionMetrics,
    readiness: Readiness,
    clock: Clock,
    *,
    coverage: Coverage | None = None,
    timeout_seconds: int = 10,
    warnings: Warnings = tuple,
    admit_soon: AdmitSoon | None = None,
    in_loop: Callable[[AnswerSoon], Mapping[str, object]] = lambda _: {},
) -> Flask:
    """Create the application: `POST /mutate`, `POST /validate`, `GET /healthz`, `GET /readyz`.

    `/healthz` says that the process answers and nothing else, so that an outage elsewhere never restarts it;
    `/readyz` is 503 and names every part that is not ready, and the server once it was told to end; with either status
    it carries the warnings. With `admit_soon` reviews can also be answered in the loop of a server: `in_loop` makes of
    that the extensions that such a server looks for. Opens nothing and starts no thread: safe before a fork.
    """
    application = Flask(__name__, static_folder=None)
    application.register_error_handler(HTTPException, _render_http_error)

    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    def readyz() -> tuple[Response, int]:
        server: ServerStatus = request.environ.get(SERVER_STATUS, ServerStatus())
        failing = [*readiness(), *(["server"] if server.draining else [])]
        body = {"ready": not failing, "failing": failing, "warnings": [*warnings(), *server.warnings]}
        return jsonify(body), 503 if failing else 200

    application.add_url_rule("/healthz", view_func=healthz)
    application.add_url_rule("/readyz", view_func=readyz)
    door = AdmissionDoor(
        admit,
        metrics,
        clock,
        coverage or Coverage(),
        timeout_seconds=timeout_seconds,
        beside=application.wsgi_app,
        admit_soon=admit_soon,
    )
    application.wsgi_app = door  # type: ignore[method-assign]  # Flask's own way to put something before it
    application.extensions.update(in_loop(door.answer_soon))
    return application


def _render_http_error(error: HTTPException) -> Response:
    # The exception's own response keeps headers such as Allow; its page would be HTML.
    response = Response(f"{error.name}\n", status=error.code, mimetype="text/plain")
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            response.headers[name] = value
    return response
