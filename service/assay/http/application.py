"""The service's WSGI application."""

import logging

from flask import Flask, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from assay.domain.errors import AssayError, InvalidInput
from assay.http.decisions import decisions_blueprint
from assay.http.gate import gate_blueprint
from assay.http.health import health_blueprint
from assay.http.log import log_blueprint
from assay.http.parts import ServiceParts
from assay.http.problem import render_problem
from assay.ports.metrics import Metrics

_LOG = logging.getLogger("assay.http")


def create_service(parts: ServiceParts) -> Flask:
    """Build the application.

    Guaranteed: every answer other than a success is a problem document with a stable code, whatever went wrong; an
    unexpected exception is counted and logged with its type alone, because its text may hold what a caller sent.
    """
    application = Flask("assay", static_folder=None)
    application.config["MAX_CONTENT_LENGTH"] = None  # http.body bounds bodies and says so in a problem document
    application.url_map.merge_slashes = False  # one path means one thing; nothing is redirected
    for blueprint in (gate_blueprint(parts), decisions_blueprint(parts), log_blueprint(parts), health_blueprint(parts)):
        application.register_blueprint(blueprint)
    answer_problems(application, parts.metrics)
    return application


def answer_problems(application: Flask, metrics: Metrics) -> None:
    """Answer and count whatever goes wrong in an application as a problem document."""

    @application.errorhandler(AssayError)
    def typed(error: AssayError) -> Response:
        metrics.count_failure(error.code)
        part = getattr(error, "part", "")
        return render_problem(error, members={"part": part} if part else None)

    @application.errorhandler(HTTPException)
    def routed(error: HTTPException) -> Response:
        response = render_problem(_routing_error(error))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    @application.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        metrics.count_failure("internal")
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "unknown"
        _LOG.error("unexpected %s at %s", type(error).__name__, place)
        return render_problem(InternalError())


class InternalError(AssayError):
    """An exception nobody foresaw; nothing was decided."""

    def __init__(self) -> None:
        super().__init__("internal", "an unexpected error; nothing was decided", remedy="report it with the log line")


def _routing_error(error: HTTPException) -> AssayError:
    match error.code:
        case 404:
            return InvalidInput("path_unknown", "there is nothing at this path", remedy="see openapi.yaml")
        case 405:
            return InvalidInput("method_not_allowed", "this path has other methods", remedy="see openapi.yaml")
        case _:
            return InvalidInput("request_malformed", "the request cannot be read", remedy="send a valid HTTP request")
