"""A web server on loopback that computes JSON answers, for the fakes of services."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.fakes.tls_server import TlsServer


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, object]:
        """The body as a JSON object."""
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document


Respond = Callable[[Call], tuple[int, object]]


@contextmanager
def serving(respond: Respond, certificate: Path | None = None) -> Iterator[str]:
    """Serve on a free port, over TLS when there is a certificate (with its key in one file); yields the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the parent's
            """Stay quiet."""

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = respond(Call(method=self.command, path=self.path, headers=headers, body=body))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

    context: ssl.SSLContext | None = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = TlsServer(("127.0.0.1", 0), Handler, context)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
