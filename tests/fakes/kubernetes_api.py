"""An API server on loopback that answers as a test scripts it, over TLS and to the bearer of one token."""

import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from assay.adapters.kubernetes.access import ClusterAccess
from assay.adapters.kubernetes.connection import KubernetesConnection
from assay_webhooks.certificate import issue_serving_certificate
from tests.fakes.tls_server import TlsServer

TOKEN = "pod-token"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer; one that is `cut` has fewer bytes than it promises."""

    status: int = 200
    body: bytes = b""
    cut: bool = False
    location: str = ""


def reply(document: object, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(document).encode())


def events(*documents: object, cut: bool = False) -> Reply:
    """The answer to a watch."""
    return Reply(body=b"".join(json.dumps(document).encode() + b"\n" for document in documents), cut=cut)


def namespace(name: str, version: str, **labels: str) -> dict[str, object]:
    return {"metadata": {"name": name, "resourceVersion": version, "labels": labels}}


def namespace_list(version: str, *items: object, more: str = "") -> Reply:
    return reply({"metadata": {"resourceVersion": version, "continue": more}, "items": list(items)})


@dataclass(kw_only=True)
class ScriptedApi:
    """Gives the replies of a path one after the other, the last again and again; 404 where nothing is scripted."""

    folder: Path
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    written: list[tuple[str, str, object]] = field(default_factory=list)
    address: str = ""

    @property
    def access(self) -> ClusterAccess:
        return ClusterAccess(address=self.address, authority=self.folder / "ca.crt", token=self.folder / "token")

    @property
    def connection(self) -> KubernetesConnection:
        return KubernetesConnection(access=self.access)

    def script(self, path: str, *replies: Reply) -> None:
        self.replies[path] = list(replies)

    def queries(self, path: str) -> Sequence[dict[str, list[str]]]:
        """The queries of all calls of a path so far."""
        return [parse_qs(parts.query) for call in self.calls if (parts := urlsplit(call)).path == path]

    def answer(self, target: str, authorization: str) -> Reply:
        if authorization != f"Bearer {TOKEN}":
            return Reply(status=401)
        self.calls.append(target)
        parts = urlsplit(target)
        key = f"{parts.path}?watch" if "watch=1" in parts.query else parts.path
        scripted = self.replies.get(key, [Reply(status=404)])
        return scripted.pop(0) if len(scripted) > 1 else scripted[0]


@contextmanager
def scripted_api(folder: Path) -> Iterator[ScriptedApi]:
    """Serve until the end of the block."""
    api = ScriptedApi(folder=folder)
    issued = issue_serving_certificate(["127.0.0.1"], datetime.now(UTC), timedelta(hours=1))
    (folder / "ca.crt").write_bytes(issued.ca_pem)
    (folder / "token").write_text(f"{TOKEN}\n")
    (folder / "server.pem").write_bytes(issued.certificate_pem + issued.key_pem)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the parent's
            """Stay quiet."""

        def _write(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/json"
            api.written.append((self.command, self.path, json.loads(body)))
            self.do_GET()

        do_PUT = do_POST = _write  # noqa: N815  # the names are the parent's

        def do_GET(self) -> None:
            found = api.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(found.status)
            self.send_header("Connection", "close")
            self.send_header("Content-Length", str(len(found.body) + found.cut))
            if found.location:
                self.send_header("Location", found.location)
            self.end_headers()
            self.wfile.write(found.body)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server = TlsServer(("127.0.0.1", 0), Handler, context)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    api.address = f"https://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
