"""Where registries tell of pushes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from flask import Blueprint, Flask, Response, jsonify, request

from assay.domain.notification import LARGEST_NOTIFICATION, Receipt
from assay.http.application import answer_problems
from assay.http.body import read_body
from assay.http.health import answer_liveness, answer_readiness
from assay.ports.metrics import Metrics


class Receive(Protocol):
    """Verifies who sent a notification to the source of this name, and acts on it; raises `AssayError`.

    The names of the headers are in lower case.
    """

    def __call__(self, name: str, octets: bytes, *, media_type: str, headers: Mapping[str, str]) -> Receipt:
        """What became of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationDoor:
    """What the interface is given; `failing` names what is not ready, with the reason or an empty text."""

    receive: Receive
    failing: Callable[[], Mapping[str, str]]
    warnings: Callable[[], Sequence[str]]
    metrics: Metrics


def create_notification_service(door: NotificationDoor) -> Flask:
    """Build the application: `POST /v1/notifications/<source>`, `GET /healthz`, `GET /readyz`.

    Guaranteed: 202 for what was understood and acted on, also when nothing in it concerned us; every other answer is a
    problem document. A registry repeats what is not answered with 202.
    """
    application = Flask("assay.notifications", static_folder=None)
    application.config["MAX_CONTENT_LENGTH"] = None  # http.body bounds bodies and says so in a problem document
    application.url_map.merge_slashes = False
    application.register_blueprint(_blueprint(door))
    answer_problems(application, door.metrics)
    return application


def _blueprint(door: NotificationDoor) -> Blueprint:
    blueprint = Blueprint("notifications", __name__)

    @blueprint.post("/v1/notifications/<source>")
    def notify(source: str) -> tuple[Response, int]:
        octets = read_body(largest=LARGEST_NOTIFICATION)
        headers = {name.lower(): value for name, value in request.headers.items()}
        receipt = door.receive(source, octets, media_type=request.mimetype, headers=headers)
        return jsonify(events=receipt.events, ignored=receipt.ignored), 202

    blueprint.add_url_rule("/healthz", view_func=answer_liveness)

    @blueprint.get("/readyz")
    def ready() -> tuple[Response, int]:
        return answer_readiness(door.failing(), door.warnings())

    return blueprint
