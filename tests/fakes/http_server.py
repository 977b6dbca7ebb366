"""A web server on loopback that answers every request with one scripted answer."""

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.fakes.tls_server import TlsServer


@dataclass
class Script:
    """What is answered, and what was asked: method, path, headers, body."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds_per_octet: float = 0
    length: int | None = None
    url: str = ""
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def answering(script: Script, *, certificate: tuple[Path, Path] | None = None) -> Iterator[Script]:
    """Serve the script on a free port; `script.url` names it. With a certificate and its key it speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the parent's
            """Stay quiet."""

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.seen.append((self.command, self.path, headers, body))
            self.send_response(script.status)
            for name, value in script.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(script.body) if script.length is None else script.length))
            # Said aloud: a client that keeps the connection would send its next request into the closing one.
            self.send_header("Connection", "close")
            self.end_headers()
            self._send()

        def do_POST(self) -> None:
            self.do_GET()

        def _send(self) -> None:
            if not script.seconds_per_octet:
                self.wfile.write(script.body)
                return
            try:
                for octet in script.body:
                    self.wfile.write(bytes([octet]))
                    time.sleep(script.seconds_per_octet)
            except OSError:
                return

    context: ssl.SSLContext | None = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    server = TlsServer(("127.0.0.1", 0), Handler, context)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    script.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
