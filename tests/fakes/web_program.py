"""A WSGI application that tells what its server told it, for tests of the server."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from assay.adapters.supervision.gunicorn_hooks import BEGIN, REFUSED
from assay.domain.server_status import SERVER_STATUS, ServerStatus


class Program:
    """Answers with the length of the body, the server's status, what it refused before, and what thread says so.

    `/wait` is not answered before the file of its query exists.
    """

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.extensions: Mapping[str, object] = {BEGIN: lambda: None, REFUSED: self.refused.append}

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/wait":
            await_file(Path(environ["QUERY_STRING"]))
        length = int(environ.get("CONTENT_LENGTH", 0))
        body = environ["wsgi.input"].read() if environ["PATH_INFO"] != "/unread" else b""
        status: ServerStatus = environ[SERVER_STATUS]
        document = {"declared": length, "read": len(body), "draining": status.draining, "warnings": status.warnings}
        document["refused"] = self.refused
        document["thread"] = threading.current_thread().name
        document["switch_seconds"] = sys.getswitchinterval()
        octets = json.dumps(document).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(octets)))])
        return [octets]


def await_file(path: Path) -> None:
    """Wait until somebody makes this file."""
    while not path.exists():
        time.sleep(0.01)


application = Program()
