"""The two admission hooks over HTTP."""

import contextlib
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.coverage import Coverage
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.server_status import SERVER_STATUS, ServerStatus
from assay.ports import Clock
from assay.ports.metrics import AdmissionMetrics
from assay_webhooks.answer import Hook, allow_exempt, refuse_failure, refuse_internally, refuse_object, respond
from assay_webhooks.question import Exemption, examine, needs_digests, pose_question, require_digests
from assay_webhooks.review import (
    LARGEST_REVIEW,
    AdmissionRequest,
    ReviewResponse,
    parse_review,
    render_response,
)
from assay_webhooks.workloads import Kinds, compile_kinds

Admit = Callable[[AdmissionQuestion, Deadline], AdmissionAnswer]

_log = logging.getLogger(__name__)
_TIMEOUT = re.compile(r"([1-9]|[12][0-9]|30)s", re.ASCII)
_STATUS = {"review_too_large": 413, "content_type_unsupported": 415}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    admit: Admit
    metrics: AdmissionMetrics
    clock: Clock
    coverage: Coverage
    kinds: Kinds
    timeout_seconds: int


def create_admission_blueprint(
    admit: Admit, metrics: AdmissionMetrics, clock: Clock, coverage: Coverage, *, timeout_seconds: int
) -> Blueprint:
    """Create the blueprint with `POST /mutate` and `POST /validate`.

    `admit` may raise `InvalidInput` and `Unavailable`; whatever else it does ends in a denial with reason `internal`.
    `timeout_seconds` is the webhook configuration's own `timeoutSeconds`, for calls that do not tell theirs. Denials
    are HTTP 200; only a body that is no review gets 400, 413 or 415 with text, for there is no request to answer.
    """
    parts = _Parts(
        admit=admit,
        metrics=metrics,
        clock=clock,
        coverage=coverage,
        kinds=compile_kinds(coverage.custom_resources),
        timeout_seconds=timeout_seconds,
    )
    blueprint = Blueprint("admission", __name__)
    for hook in Hook:
        blueprint.add_url_rule(
            f"/{hook}",
            endpoint=hook.value,
            view_func=partial(_answer_call, parts, hook),
            methods=["POST"],
            provide_automatic_options=False,
        )
    return blueprint


def parse_budget(timeout: str, *, timeout_seconds: int) -> float:
    """The seconds a request may take, from the `timeout` the API server adds to the path (`10s`).

    One fifth of it, at most a second, is left to the network and the API server. A text that is not 1s to 30s, the
    range of `timeoutSeconds`, is ignored and `timeout_seconds` taken.
    """
    told = _TIMEOUT.fullmatch(timeout)
    seconds = int(told[1]) if told else timeout_seconds
    return seconds - min(1.0, seconds * 0.2)


def _answer_call(parts: _Parts, hook: Hook) -> Response:
    try:
        return _answer_review(parts, hook)
    except Exception:  # noqa: BLE001  # the one boundary of this entry point
        # A denial is an answer; an error would leave the request to failurePolicy.
        _log.exception("a review of the hook %s failed unexpectedly", hook)
        return _refuse_unexpected(parts, hook)


def _refuse_unexpected(parts: _Parts, hook: Hook) -> Response:
    review = g.get("review")
    response = refuse_internally(review.uid) if review else None
    with contextlib.suppress(Exception):  # a broken counter must not turn the denial into an error
        parts.metrics.count_failure("internal")
        if response:
            _count(parts, hook, review, response)
    return _json(response) if response else _text(500, "internal: an unexpected error was logged")


def _answer_review(parts: _Parts, hook: Hook) -> Response:
    begun = parts.clock.monotonic()
    budget = parse_budget(request.args.get("timeout", ""), timeout_seconds=parts.timeout_seconds)
    server: ServerStatus = request.environ.get(SERVER_STATUS, ServerStatus())
    deadline = Deadline.after(budget - server.waited_seconds, parts.clock.monotonic)
    try:
        review = parse_review(_read_body())
    except InvalidInput as error:
        parts.metrics.count_failure(error.code)
        return _text(_STATUS.get(error.code, 400), f"{error.code}: {error}")
    g.review = review
    response = _judge(parts, hook, review, deadline)
    answer = _json(response)
    _log_response(hook, review, response)
    _count(parts, hook, review, response)
    parts.metrics.observe_admission(hook.value, parts.clock.monotonic() - begun)
    return answer


def _count(parts: _Parts, hook: Hook, review: AdmissionRequest, response: ReviewResponse) -> None:
    exempt = dict(response.audit_annotations).get("exemption")
    parts.metrics.count_admission(
        hook.value,
        decision="allow" if response.allowed else "deny",
        reason=response.reason.value if response.reason else exempt or "allowed",
        dry_run=review.dry_run,
    )


def _read_body() -> bytes:
    if request.mimetype != "application/json":
        raise InvalidInput(
            "content_type_unsupported", "the body is not application/json", remedy="send the review as JSON"
        )
    # One byte above the limit: a stream of untold length is cut here in silence, and must be refused all the same.
    request.max_content_length = LARGEST_REVIEW + 1
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise InvalidInput(
            "review_too_large", f"the review has more than {LARGEST_REVIEW} bytes", remedy="make the object smaller"
        ) from error
    except ClientDisconnected as error:
        raise InvalidInput("review_malformed", "the body ended early", remedy="send the whole review") from error


def _judge(parts: _Parts, hook: Hook, review: AdmissionRequest, deadline: Deadline) -> ReviewResponse:
    try:
        subject = examine(review, parts.kinds, parts.coverage)
        if isinstance(subject, Exemption):
            return allow_exempt(review.uid, subject)
        pinned = needs_digests(review, subject, parts.coverage)
        if hook is Hook.VALIDATE and pinned:
            require_digests(subject.images)
        question = pose_question(review, subject)
    except InvalidInput as error:
        parts.metrics.count_failure(error.code)
        return refuse_object(review.uid, error)
    try:
        deadline.remaining("the decision")
        answer = parts.admit(question, deadline)
    except (InvalidInput, Unavailable) as error:
        parts.metrics.count_failure(error.code)
        return refuse_failure(review.uid, error)
    response = respond(subject, question, answer, pin=pinned and hook is Hook.MUTATE)
    # The API server shows the warnings of both hooks, and every decision has an id of its own: tell them once.
    return response if hook is Hook.VALIDATE else replace(response, warnings=())


def _log_response(hook: Hook, review: AdmissionRequest, response: ReviewResponse) -> None:
    fields = {
        "hook": hook.value,
        "uid": review.uid,
        "operation": review.operation.value,
        "dry_run": review.dry_run,
        "allowed": response.allowed,
        **dict(response.audit_annotations),
    }
    _log.info("admission %s", json.dumps(fields))


def _json(response: ReviewResponse) -> Response:
    return Response(render_response(response), status=200, mimetype="application/json")


def _text(status: int, text: str) -> Response:
    return Response(f"{text}\n", status=status, mimetype="text/plain")
