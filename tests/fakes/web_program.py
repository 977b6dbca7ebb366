"""A WSGI application that tells what its server told it, for tests of the server."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from assay.adapters.supervision.gunicorn_hooks import BEGIN
from assay.domain.server_status import SERVER_STATUS, ServerStatus


class Program:
    """Answers with the length of the body and the server's status; `/wait` not before the file of its query exists."""

    extensions: Mapping[str, Callable[[], None]] = {BEGIN: lambda: None}

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/wait":
            _await_file(Path(environ["QUERY_STRING"]))
        length = int(environ.get("CONTENT_LENGTH", 0))
        body = environ["wsgi.input"].read() if environ["PATH_INFO"] != "/unread" else b""
        status: ServerStatus = environ[SERVER_STATUS]
        document = {"declared": length, "read": len(body), "draining": status.draining, "warnings": status.warnings}
        octets = json.dumps(document).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(octets)))])
        return [octets]


def _await_file(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


application = Program()
