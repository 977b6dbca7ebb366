"""The two admission hooks over HTTP.

They are called for every object of a cluster, so they stand before the framework that serves everything else.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

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
from assay_webhooks.workloads import compile_kinds

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Admit = Callable[[AdmissionQuestion, Deadline], AdmissionAnswer]

_log = logging.getLogger(__name__)
_TIMEOUT = re.compile(r"([1-9]|[12][0-9]|30)s", re.ASCII)
_TIMEOUT_PARAMETER = re.compile(r"(?:\A|&)timeout=([^&]*)")
_STATUS = {"review_too_large": "413 Request Entity Too Large", "content_type_unsupported": "415 Unsupported Media Type"}
_HOOKS = {f"/{hook}": hook for hook in Hook}
_NO_STATUS = ServerStatus()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: str
    content_type: str
    body: bytes


_METHOD_NOT_ALLOWED = _Answer(
    status="405 Method Not Allowed", content_type="text/plain; charset=utf-8", body=b"Method Not Allowed\n"
)


class AdmissionDoor:
    """The WSGI application of `POST /mutate` and `POST /validate`; every other path is that of `beside`.

    `admit` may raise `InvalidInput` and `Unavailable`; whatever else it does ends in a denial with reason `internal`.
    `timeout_seconds` is the webhook configuration's own `timeoutSeconds`, for calls that do not tell theirs. Denials
    are HTTP 200; only a body that is no review gets 400, 413 or 415 with text, for there is no request to answer.
    """

    def __init__(
        self,
        admit: Admit,
        metrics: AdmissionMetrics,
        clock: Clock,
        coverage: Coverage,
        *,
        timeout_seconds: int,
        beside: WSGIApplication,
    ) -> None:
        self._admit = admit
        self._metrics = metrics
        self._clock = clock
        self._coverage = coverage
        self._kinds = compile_kinds(coverage.custom_resources)
        self._timeout_seconds = timeout_seconds
        self._beside = beside

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a review, or leave the call to the application beside."""
        hook = _HOOKS.get(environ["PATH_INFO"])
        if hook is None:
            return self._beside(environ, start_response)
        answer = _METHOD_NOT_ALLOWED if environ["REQUEST_METHOD"] != "POST" else self._answer_call(hook, environ)
        allow = [("Allow", "POST")] if answer is _METHOD_NOT_ALLOWED else []
        length = ("Content-Length", str(len(answer.body)))
        start_response(answer.status, [("Content-Type", answer.content_type), length, *allow])
        return [answer.body]

    def _answer_call(self, hook: Hook, environ: WSGIEnvironment) -> _Answer:
        review: AdmissionRequest | None = None
        try:
            begun = self._clock.monotonic()
            deadline = self._deadline(environ)
            try:
                review = parse_review(_read_body(environ))
            except InvalidInput as error:
                self._metrics.count_failure(error.code)
                return _text(_STATUS.get(error.code, "400 Bad Request"), f"{error.code}: {error}")
            response = self._judge(hook, review, deadline)
            answer = _json(response)
            _log_response(hook, review, response)
            self._count(hook, review, response)
            self._metrics.observe_admission(hook.value, self._clock.monotonic() - begun)
        except Exception:  # noqa: BLE001  # the one boundary of this entry point
            # A denial is an answer; an error would leave the request to failurePolicy.
            _log.exception("a review of the hook %s failed unexpectedly", hook)
            return self._refuse_unexpected(hook, review)
        return answer

    def _deadline(self, environ: WSGIEnvironment) -> Deadline:
        told = _TIMEOUT_PARAMETER.search(environ.get("QUERY_STRING", ""))
        budget = parse_budget(told[1] if told else "", timeout_seconds=self._timeout_seconds)
        server: ServerStatus = environ.get(SERVER_STATUS, _NO_STATUS)
        return Deadline.after(budget - server.waited_seconds, self._clock.monotonic)

    def _refuse_unexpected(self, hook: Hook, review: AdmissionRequest | None) -> _Answer:
        response = refuse_internally(review.uid) if review else None
        with contextlib.suppress(Exception):  # a broken counter must not turn the denial into an error
            self._metrics.count_failure("internal")
            if review and response:
                self._count(hook, review, response)
        if response:
            return _json(response)
        return _text("500 Internal Server Error", "internal: an unexpected error was logged")

    def _count(self, hook: Hook, review: AdmissionRequest, response: ReviewResponse) -> None:
        exempt = dict(response.audit_annotations).get("exemption")
        self._metrics.count_admission(
            hook.value,
            decision="allow" if response.allowed else "deny",
            reason=response.reason.value if response.reason else exempt or "allowed",
            dry_run=review.dry_run,
        )

    def _judge(self, hook: Hook, review: AdmissionRequest, deadline: Deadline) -> ReviewResponse:
        try:
            subject = examine(review, self._kinds, self._coverage)
            if isinstance(subject, Exemption):
                return allow_exempt(review.uid, subject)
            pinned = needs_digests(review, subject, self._coverage)
            if hook is Hook.VALIDATE and pinned:
                require_digests(subject.images)
            question = pose_question(review, subject, final=hook is Hook.VALIDATE)
        except InvalidInput as error:
            self._metrics.count_failure(error.code)
            return refuse_object(review.uid, error)
        try:
            deadline.remaining("the decision")
            answer = self._admit(question, deadline)
        except (InvalidInput, Unavailable) as error:
            self._metrics.count_failure(error.code)
            return refuse_failure(review.uid, error)
        response = respond(subject, question, answer, pin=pinned and hook is Hook.MUTATE)
        # The API server shows the warnings of both hooks, and every decision has an id of its own: tell them once.
        return response if hook is Hook.VALIDATE else replace(response, warnings=())


def parse_budget(timeout: str, *, timeout_seconds: int) -> float:
    """The seconds a request may take, from the `timeout` the API server adds to the path (`10s`).

    One fifth of it, at most a second, is left to the network and the API server. A text that is not 1s to 30s, the
    range of `timeoutSeconds`, is ignored and `timeout_seconds` taken.
    """
    told = _TIMEOUT.fullmatch(timeout)
    seconds = int(told[1]) if told else timeout_seconds
    return seconds - min(1.0, seconds * 0.2)


def _read_body(environ: WSGIEnvironment) -> bytes:
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != "application/json":
        raise InvalidInput(
            "content_type_unsupported", "the body is not application/json", remedy="send the review as JSON"
        )
    told = environ.get("CONTENT_LENGTH", "")
    declared = int(told) if told.isascii() and told.isdigit() else 0
    # A body whose length is not told ends where the server says so, if it does.
    wanted = declared if told or not environ.get("wsgi.input_terminated") else LARGEST_REVIEW + 1
    body = b"" if wanted > LARGEST_REVIEW + 1 else environ["wsgi.input"].read(wanted)
    if max(declared, len(body)) > LARGEST_REVIEW:
        raise InvalidInput(
            "review_too_large", f"the review has more than {LARGEST_REVIEW} bytes", remedy="make the object smaller"
        )
    if len(body) < declared:
        raise InvalidInput("review_malformed", "the body ended early", remedy="send the whole body")
    return bytes(body)


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


def _json(response: ReviewResponse) -> _Answer:
    return _Answer(status="200 OK", content_type="application/json", body=render_response(response))


def _text(status: str, text: str) -> _Answer:
    return _Answer(status=status, content_type="text/plain; charset=utf-8", body=f"{text}\n".encode())
