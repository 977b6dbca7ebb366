"""The provider's WSGI application."""

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from assay_webhooks.provider.door import ProviderDoor, create_provider_blueprint
from assay_webhooks.provider.response import render_failure


def create_provider_application(door: ProviderDoor) -> Flask:
    """Create the application: `POST /validate`, `POST /mutate`, and nothing that a stranger could ask.

    Opens nothing and starts no thread: safe before a fork.
    """
    application = Flask(__name__, static_folder=None)
    application.register_blueprint(create_provider_blueprint(door))
    application.register_error_handler(HTTPException, _render_http_error)
    return application


def _render_http_error(error: HTTPException) -> Response:
    # Gatekeeper reads a ProviderResponse whatever the status is; a page of HTML it would report as broken JSON.
    return Response(
        render_failure(f"{error.name}: ask by POST /validate or /mutate"), error.code, mimetype="application/json"
    )
