"""The provider over HTTP: `POST /validate` and `POST /mutate`."""

import contextlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from assay.domain.admission import AdmissionAnswer
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.provider import LARGEST_PROVIDER_REQUEST, ProviderQuestion, Purpose
from assay.domain.reference import Reference
from assay.domain.server_status import SERVER_STATUS, ServerStatus
from assay.http.body import read_json_body
from assay.ports import Clock
from assay.ports.metrics import ProviderMetrics
from assay_webhooks.provider.item import Answers, Told, parse_key, tell
from assay_webhooks.provider.request import parse_provider_request
from assay_webhooks.provider.response import render_failure, render_items

Provide = Callable[[ProviderQuestion, Deadline], Sequence[AdmissionAnswer | AssayError]]
"""Answers each reference of a question, in its order."""
NamesOf = Callable[[Mapping[str, Any]], frozenset[str]]
"""The names that the certificate of a request's client proves, from the WSGI environment."""

_log = logging.getLogger(__name__)
_STATUS = {"provider_client_unknown": 403}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDoor:
    """What the blueprint answers with; `seconds` is the time of a whole request, by what it is for."""

    provide: Provide
    metrics: ProviderMetrics
    clock: Clock
    names_of: NamesOf
    client_names: frozenset[str]
    seconds: Mapping[Purpose, float]


def create_provider_blueprint(door: ProviderDoor) -> Blueprint:
    """Create the blueprint with `POST /validate` and `POST /mutate`.

    Every answer is a ProviderResponse with HTTP 200, because Gatekeeper reads nothing else: what concerns one key
    stands in its item, what concerns the request in `systemError`. Only a client with another name gets 403.
    `provide` may raise `InvalidInput` and `Unavailable`; whatever else it does ends as `internal`.
    """
    blueprint = Blueprint("provider", __name__)
    for purpose in Purpose:
        blueprint.add_url_rule(
            f"/{purpose}",
            endpoint=purpose.value,
            view_func=partial(_answer_call, door, purpose),
            methods=["POST"],
            provide_automatic_options=False,
        )
    return blueprint


def _answer_call(door: ProviderDoor, purpose: Purpose) -> Response:
    try:
        return _answer_request(door, purpose)
    except (InvalidInput, Unavailable) as error:
        door.metrics.count_failure(error.code)
        return _json(render_failure(f"{error.code}: nothing was decided"), status=_STATUS.get(error.code, 200))
    except Exception:  # noqa: BLE001  # the one boundary of this entry point
        _log.exception("a question to %s failed unexpectedly", purpose)
        with contextlib.suppress(Exception):  # a broken counter must not turn the failure into an error page
            door.metrics.count_failure("internal")
        return _json(render_failure("internal: an unexpected error was logged"))


def _answer_request(door: ProviderDoor, purpose: Purpose) -> Response:
    client = _identify(door)
    server: ServerStatus = request.environ.get(SERVER_STATUS, ServerStatus())
    deadline = Deadline.after(door.seconds[purpose] - server.waited_seconds, door.clock.monotonic)
    keys = parse_provider_request(read_json_body(largest=LARGEST_PROVIDER_REQUEST))
    answers = _ask(door, ProviderQuestion(purpose=purpose, client=client, references=_images(keys, purpose)), deadline)
    told = [tell(key, purpose, answers) for key in keys]
    for each in told:
        door.metrics.count_key(purpose.value, each.outcome.value)
    _log_answer(purpose, told, answers)
    # Mutation runs until nothing changes, and Gatekeeper keeps an answer that it is told will not change.
    lasting = purpose is Purpose.MUTATE and not any(each.item.passing for each in told)
    return _json(render_items([each.item for each in told], idempotent=lasting))


def _identify(door: ProviderDoor) -> str:
    known = door.names_of(request.environ) & door.client_names
    if not known:
        raise InvalidInput(
            "provider_client_unknown",
            "the client's certificate is for none of the configured names",
            remedy="ask with the certificate of Gatekeeper",
        )
    return min(known)


def _images(keys: Sequence[str], purpose: Purpose) -> tuple[Reference, ...]:
    images: dict[Reference, None] = {}
    for key in keys:
        with contextlib.suppress(InvalidInput):  # its item says so
            images[parse_key(key, purpose)] = None
    return tuple(images)


def _ask(door: ProviderDoor, question: ProviderQuestion, deadline: Deadline) -> Answers:
    if not question.references:
        return {}
    deadline.remaining("the decision")
    return dict(zip(question.references, door.provide(question, deadline), strict=True))


def _log_answer(purpose: Purpose, told: Sequence[Told], answers: Answers) -> None:
    decisions = [answer.decision_id for answer in answers.values() if isinstance(answer, AdmissionAnswer)]
    outcomes = [each.outcome.value for each in told]
    _log.info("provider %s", json.dumps({"purpose": purpose.value, "outcomes": outcomes, "decisions": decisions}))


def _json(body: bytes, *, status: int = 200) -> Response:
    return Response(body, status=status, mimetype="application/json")
