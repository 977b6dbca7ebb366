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
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from assay.domain.admission import LARGEST_REVIEW, AdmissionAnswer, AdmissionQuestion
from assay.domain.coverage import Coverage
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.http_call import BROKEN, HttpCall, HttpReply, Later, LaterReply, Reply
from assay.domain.server_status import SERVER_STATUS, ServerStatus
from assay.ports import Clock
from assay.ports.metrics import AdmissionMetrics
from assay_webhooks.answer import Hook, allow_exempt, refuse_failure, refuse_internally, refuse_object, respond
from assay_webhooks.question import Exemption, Subject, examine, needs_digests, pose_question, require_digests
from assay_webhooks.review import AdmissionRequest, ReviewResponse, parse_review, render_response
from assay_webhooks.workloads import compile_kinds

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Admit = Callable[[AdmissionQuestion, Deadline], AdmissionAnswer]
Give = Callable[[Callable[[], AdmissionAnswer]], None]
AdmitSoon = Callable[[AdmissionQuestion, Deadline, Give, Give], None]
"""Calls exactly one `Give` once with what gives the answer: the first here, the second where somebody may wait."""

T = TypeVar("T")

_log = logging.getLogger(__name__)
_TIMEOUT = re.compile(r"([1-9]|[12][0-9]|30)s", re.ASCII)
_TIMEOUT_PARAMETER = re.compile(r"(?:\A|&)timeout=([^&]*)")
_STATUS = {"review_too_large": "413 Request Entity Too Large", "content_type_unsupported": "415 Unsupported Media Type"}
_HOOKS = {f"/{hook}": hook for hook in Hook}
_NO_STATUS = ServerStatus()
_LARGEST_IN_LOOP = 64 * 1024
"""Bytes of a review that is looked at in the loop of a server; a larger one would hold up other connections."""
_MOST_OVERDUE, _OVERDUE_SHARE = 0.25, 1 / 16
"""Seconds after which a decision that is due is given up, and their share of the time for it: a quarter of what is left
to the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Time:
    """When a call came in, when its decision is due, and when it is given up, while the API server still waits."""

    begun: float
    deadline: Deadline
    overdue: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A review that came in, and when it has to be answered."""

    hook: Hook
    review: AdmissionRequest
    time: _Time


@dataclass(frozen=True, slots=True, kw_only=True)
class _Posed:
    """What the engine is asked about a review."""

    subject: Subject
    question: AdmissionQuestion
    pin: bool


_METHOD_NOT_ALLOWED = HttpReply(
    status="405 Method Not Allowed", content_type="text/plain; charset=utf-8", body=b"Method Not Allowed\n"
)


class AdmissionDoor:
    """The WSGI application of `POST /mutate` and `POST /validate`; every other path is that of `beside`.

    `admit` may raise `InvalidInput` and `Unavailable`; whatever else it does ends in a denial with reason `internal`.
    `admit_soon` is for a server that can answer without a thread; it may raise the same.
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
        admit_soon: AdmitSoon | None = None,
    ) -> None:
        self._admit = admit
        self._admit_soon = admit_soon
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
        reply = _METHOD_NOT_ALLOWED if environ["REQUEST_METHOD"] != "POST" else self._answer_call(hook, environ)
        allow = [("Allow", "POST")] if reply is _METHOD_NOT_ALLOWED else []
        length = ("Content-Length", str(len(reply.body)))
        start_response(reply.status, [("Content-Type", reply.content_type), length, *allow])
        return [reply.body]

    def answer_soon(self, call: HttpCall, reply: Reply, later: Later) -> bool:
        """Take a review without waiting for anybody; False at once when the call is something else.

        Exactly one of the two is called once, now or by `admit_soon`: `reply`, or `later` with what makes the reply in
        a thread that may wait, and what denies when that takes too long. Raises nothing but what these raise.
        """
        hook = _HOOKS.get(call.path)
        if hook is None or call.method != "POST" or self._admit_soon is None:
            return False
        time, read = self._read_time(hook, call.query), partial(_require_json, call)
        if isinstance(time, HttpReply):
            reply(self._deny_unseen(hook, read, None))
        elif len(call.body) > _LARGEST_IN_LOOP:
            make = partial(self._answer_review, hook, time, read)
            overdue = partial(self._deny_unseen, hook, read, _late())
            later(LaterReply(make=make, seconds=time.overdue - time.begun, overdue=overdue))
        else:
            begun = self._begin(hook, time, read)
            if isinstance(begun, HttpReply):
                reply(begun)
            else:
                self._settle_soon(self._admit_soon, *begun, reply, later)
        return True

    def _settle_soon(self, admit_soon: AdmitSoon, case: _Case, posed: _Posed, reply: Reply, later: Later) -> None:
        settled = False

        def now(answer: Callable[[], AdmissionAnswer]) -> None:
            nonlocal settled
            settled = True
            reply(self._judge(case, posed, answer))

        def wait(answer: Callable[[], AdmissionAnswer]) -> None:
            nonlocal settled
            seconds = case.time.overdue - self._clock.monotonic()
            settled = True
            make, overdue = partial(self._judge, case, posed, answer), partial(self._judge, case, posed, _give_up)
            later(LaterReply(make=make, seconds=seconds, overdue=overdue))

        def refuse(error: Exception) -> AdmissionAnswer:
            raise error

        try:
            admit_soon(posed.question, case.time.deadline, now, wait)
        except Exception as error:  # what a thread would raise while it judges, denied in the same way
            if settled:  # it is the server that cannot take the answer
                raise
            reply(self._judge(case, posed, partial(refuse, error)))

    def _answer_call(self, hook: Hook, environ: WSGIEnvironment) -> HttpReply:
        server: ServerStatus = environ.get(SERVER_STATUS, _NO_STATUS)
        time = self._read_time(hook, environ.get("QUERY_STRING", ""), waited=server.waited_seconds)
        read = partial(_read_body, environ)
        if isinstance(time, HttpReply):
            return self._deny_unseen(hook, read, None)
        return self._answer_review(hook, time, read)

    def _answer_review(self, hook: Hook, time: _Time, read: Callable[[], bytes]) -> HttpReply:
        begun = self._begin(hook, time, read)
        if isinstance(begun, HttpReply):
            return begun
        case, posed = begun
        return self._judge(case, posed, lambda: self._admit(posed.question, time.deadline))

    def _deny_unseen(self, hook: Hook, read: Callable[[], bytes], error: Unavailable | None) -> HttpReply:
        """The denial of a review of which nothing is looked at but its uid; without an error that was told before."""

        def deny() -> HttpReply:
            try:
                review = parse_review(read())
            except InvalidInput as no_review:
                return self._tell(no_review)
            response = refuse_failure(review.uid, error) if error else refuse_internally(review.uid)
            with contextlib.suppress(Exception):  # a broken counter must not turn the denial into an error
                if error:
                    self._metrics.count_failure(error.code)
                self._count(hook, review, response)
            return _json(response)

        return self._guarded(hook, None, deny)

    def _tell(self, error: InvalidInput) -> HttpReply:
        """What is told where there is no request to answer."""
        self._metrics.count_failure(error.code)
        return _text(_STATUS.get(error.code, "400 Bad Request"), f"{error.code}: {error}")

    def _begin(self, hook: Hook, time: _Time, read: Callable[[], bytes]) -> tuple[_Case, _Posed] | HttpReply:
        """The question of a review; its answer where there is none to ask."""
        case = self._open(hook, time, read)
        if isinstance(case, HttpReply):
            return case
        posed = self._guarded(hook, case.review, lambda: self._pose(case))
        if isinstance(posed, ReviewResponse):
            return self._close(case, posed)
        return posed if isinstance(posed, HttpReply) else (case, posed)

    def _read_time(self, hook: Hook, query: str, *, waited: float = 0.0) -> _Time | HttpReply:
        def read() -> _Time:
            begun = self._clock.monotonic()
            told = _TIMEOUT_PARAMETER.search(query)
            budget = parse_budget(told[1] if told else "", timeout_seconds=self._timeout_seconds)
            due = begun + budget - waited
            deadline = Deadline(at=due, clock=self._clock.monotonic)
            return _Time(begun=begun, deadline=deadline, overdue=due + min(_MOST_OVERDUE, budget * _OVERDUE_SHARE))

        return self._guarded(hook, None, read)

    def _open(self, hook: Hook, time: _Time, read: Callable[[], bytes]) -> _Case | HttpReply:
        def open_case() -> _Case | HttpReply:
            try:
                return _Case(hook=hook, review=parse_review(read()), time=time)
            except InvalidInput as error:
                return self._tell(error)

        return self._guarded(hook, None, open_case)

    def _guarded(self, hook: Hook, review: AdmissionRequest | None, work: Callable[[], T]) -> T | HttpReply:
        try:
            return work()
        except Exception:  # noqa: BLE001  # the boundary of this entry point
            # A denial is an answer; an error would leave the request to failurePolicy.
            _log.exception("a review of the hook %s failed unexpectedly", hook)
            response = refuse_internally(review.uid) if review else None
            with contextlib.suppress(Exception):  # a broken counter must not turn the denial into an error
                self._metrics.count_failure("internal")
                if review and response:
                    self._count(hook, review, response)
        return _json(response) if response else BROKEN

    def _judge(self, case: _Case, posed: _Posed, admit: Callable[[], AdmissionAnswer]) -> HttpReply:
        """The answer to a review of which the engine says this."""
        response = self._guarded(case.hook, case.review, lambda: self._respond(case, posed, admit))
        return response if isinstance(response, HttpReply) else self._close(case, response)

    def _close(self, case: _Case, response: ReviewResponse) -> HttpReply:
        def close() -> HttpReply:
            reply = _json(response)
            _log_response(case, response)
            self._count(case.hook, case.review, response)
            self._metrics.observe_admission(case.hook.value, self._clock.monotonic() - case.time.begun)
            return reply

        return self._guarded(case.hook, case.review, close)

    def _count(self, hook: Hook, review: AdmissionRequest, response: ReviewResponse) -> None:
        exempt = dict(response.audit_annotations).get("exemption")
        self._metrics.count_admission(
            hook.value,
            decision="allow" if response.allowed else "deny",
            reason=response.reason.value if response.reason else exempt or "allowed",
            dry_run=review.dry_run,
        )

    def _pose(self, case: _Case) -> _Posed | ReviewResponse:
        review = case.review
        try:
            subject = examine(review, self._kinds, self._coverage)
            if isinstance(subject, Exemption):
                return allow_exempt(review.uid, subject)
            pinned = needs_digests(review, subject, self._coverage)
            if case.hook is Hook.VALIDATE and pinned:
                require_digests(subject.images)
            question = pose_question(review, subject, final=case.hook is Hook.VALIDATE)
        except InvalidInput as error:
            self._metrics.count_failure(error.code)
            return refuse_object(review.uid, error)
        return _Posed(subject=subject, question=question, pin=pinned and case.hook is Hook.MUTATE)

    def _respond(self, case: _Case, posed: _Posed, admit: Callable[[], AdmissionAnswer]) -> ReviewResponse:
        try:
            case.time.deadline.remaining("the decision")
            answer = admit()
        except (InvalidInput, Unavailable) as error:
            self._metrics.count_failure(error.code)
            return refuse_failure(case.review.uid, error)
        response = respond(posed.subject, posed.question, answer, pin=posed.pin)
        # The API server shows the warnings of both hooks, and every decision has an id of its own: tell them once.
        return response if case.hook is Hook.VALIDATE else replace(response, warnings=())


def parse_budget(timeout: str, *, timeout_seconds: int) -> float:
    """The seconds a request may take, from the `timeout` the API server adds to the path (`10s`).

    One fifth of it, at most a second, is left to the network and the API server. A text that is not 1s to 30s, the
    range of `timeoutSeconds`, is ignored and `timeout_seconds` taken.
    """
    told = _TIMEOUT.fullmatch(timeout)
    seconds = int(told[1]) if told else timeout_seconds
    return seconds - min(1.0, seconds * 0.2)


def _require_json(call: HttpCall) -> bytes:
    _require_json_type(call.content_type)
    return call.body


def _require_json_type(content_type: str) -> None:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise InvalidInput(
            "content_type_unsupported", "the body is not application/json", remedy="send the review as JSON"
        )


def _read_body(environ: WSGIEnvironment) -> bytes:
    _require_json_type(environ.get("CONTENT_TYPE", ""))
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


def _give_up() -> AdmissionAnswer:
    raise _late()


def _late() -> Unavailable:
    return Unavailable(
        "deadline_exceeded", "no decision was reached in time", remedy="see which part of the service stands still"
    )


def _log_response(case: _Case, response: ReviewResponse) -> None:
    review = case.review
    fields = {
        "hook": case.hook.value,
        "uid": review.uid,
        "operation": review.operation.value,
        "dry_run": review.dry_run,
        "allowed": response.allowed,
        **dict(response.audit_annotations),
    }
    _log.info("admission %s", json.dumps(fields))


def _json(response: ReviewResponse) -> HttpReply:
    return HttpReply(status="200 OK", content_type="application/json", body=render_response(response))


def _text(status: str, text: str) -> HttpReply:
    return HttpReply(status=status, content_type="text/plain; charset=utf-8", body=f"{text}\n".encode())
