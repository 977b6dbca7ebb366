"""Problem documents (RFC 9457) with stable codes."""

import json
from collections.abc import Mapping

from flask import Response

from assay.domain.errors import AssayError, ConfigError, InvalidInput, Unavailable

_TYPE_PREFIX = "https://assay.dev/problems/"
_STATUS_BY_CODE: Mapping[str, int] = {
    "body_too_large": 413,
    "json_too_large": 413,
    "content_type_unsupported": 415,
    "caller_unknown": 401,
    "role_missing": 403,
    "environment_forbidden": 403,
    "path_unknown": 404,
    "decision_unknown": 404,
    "manifest_unknown": 404,
    "layout_unknown": 404,
    "method_not_allowed": 405,
    "log_overloaded": 429,
    "notifications_overloaded": 429,
    "record_corrupt": 500,
    "internal": 500,
}
RETRY_AFTER_SECONDS = 1


def status_of(error: AssayError) -> int:
    """The HTTP status that goes with an error: by its code, else by who must act."""
    if error.code in _STATUS_BY_CODE:
        return _STATUS_BY_CODE[error.code]
    match error:
        case Unavailable():
            return 503
        case InvalidInput():
            return 400 if error.code.endswith(("_malformed", "_invalid")) else 422
        case ConfigError():
            return 500
    return 422


def render_problem(error: AssayError, *, members: Mapping[str, object] | None = None) -> Response:
    """The response for a typed error: `type`, `title`, `status`, `detail`, `code`, `remedy`, `retryable`."""
    status = status_of(error)
    document = {
        "type": f"{_TYPE_PREFIX}{error.code}",
        "title": error.code.replace("_", " "),
        "status": status,
        "detail": error.message,
        "code": error.code,
        "remedy": error.remedy,
        "retryable": error.retryable,
        **(members or {}),
    }
    response = Response(json.dumps(document), status=status, content_type="application/problem+json")
    if error.retryable:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="assay"'
    return response
