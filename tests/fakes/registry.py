"""An OCI registry on loopback that can be told to misbehave, path by path."""

import gzip
import json
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, socket
from typing import Self
from urllib.parse import parse_qs, urlsplit

from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from assay.domain.digest import Digest
from assay.domain.reference import Reference, Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What one path does instead of answering well; unset fields leave the answer as it is.

    `octets` replaces the body, `claimed_digest` the `Docker-Content-Digest`, `media_type` the `Content-Type`,
    `truncate` sends that many octets of the announced length and hangs up, `coding` sends the body gzipped,
    `seconds_per_octet` and `seconds_per_head_octet` trickle body and head, `drop` hangs up without an answer,
    `endless_pages` links every page of the referrers list to a next one, `times` limits the fault to the first
    requests, `method` to one method.
    """

    status: int = 0
    octets: bytes | None = None
    claimed_digest: str = ""
    media_type: str = ""
    truncate: int | None = None
    coding: bool = False
    chunked: bool = False
    seconds_per_octet: float = 0
    seconds_per_head_octet: float = 0
    drop: bool = False
    location: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    endless_pages: bool = False
    times: int = -1
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass(slots=True)
class _Shelf:
    """What one repository holds."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class FakeRegistry:
    """A registry in this process; use it as a context manager, or call `stop`.

    `faults` maps a path without its query (`/v2/demo/app/manifests/v1`) to what goes wrong there; `requests` lists
    every request in the order of arrival, `connections_made` counts connections. Contents are not checked when
    `put_*` stores them.
    """

    def __init__(self, *, referrers_api: bool, page_size: int, certificate: tuple[Path, Path] | None) -> None:
        self.referrers_api = referrers_api
        self.page_size = page_size
        self.faults: dict[str, Fault] = {}
        self.requests: list[SeenRequest] = []
        self.connections_made = 0
        self.shelves: dict[str, _Shelf] = {}
        self.lock = threading.RLock()
        self._server = _Server(self, certificate)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @classmethod
    def start(
        cls, *, referrers_api: bool = True, page_size: int = 1000, certificate: tuple[Path, Path] | None = None
    ) -> Self:
        """Start on a free loopback port; `certificate` (chain and key files) makes it speak TLS."""
        return cls(referrers_api=referrers_api, page_size=page_size, certificate=certificate)

    def stop(self) -> None:
        """Stop serving and cut every connection."""
        self._server.shutdown()
        self._server.cut_connections()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """`127.0.0.1:port`."""
        return f"127.0.0.1:{self._server.server_port}"

    def repository(self, path: str) -> Repository:
        """A repository of this registry."""
        return Repository(registry=self.host, path=path)

    def reference(self, path: str, *, tag: str = "", digest: Digest | None = None) -> Reference:
        """A reference into this registry."""
        return Reference(repository=self.repository(path), tag=tag, digest=digest)

    def put_blob(self, path: str, content: bytes) -> Descriptor:
        """Store a blob."""
        with self.lock:
            self.shelf(path).blobs[Digest.of(content).text] = content
        return Descriptor(media_type="application/octet-stream", digest=Digest.of(content), size=len(content))

    def put_manifest(self, path: str, content: bytes, media_type: str = OCI_MANIFEST, *, tag: str = "") -> Descriptor:
        """Store a manifest or an index, under a tag when one is given."""
        digest = Digest.of(content)
        with self.lock:
            self.shelf(path).manifests[digest.text] = (media_type, content)
            if tag:
                self.shelf(path).tags[tag] = digest.text
        return Descriptor(media_type=media_type, digest=digest, size=len(content))

    def shelf(self, path: str) -> _Shelf:
        """The contents of a repository, made when it is first named."""
        return self.shelves.setdefault(path, _Shelf())

    def paths(self, method: str = "GET") -> list[str]:
        """The paths requested so far with this method."""
        return [request.path for request in self.requests if request.method == method]

    def due_fault(self, path: str, method: str) -> Fault:
        """The fault this request meets; counts down `times`."""
        with self.lock:
            fault = self.faults.get(path)
            if fault is None or fault.times == 0 or fault.method not in {"", method}:
                return Fault()
            if fault.times > 0:
                self.faults[path] = replace(fault, times=fault.times - 1)
            return fault

    def referrers(self, path: str, digest: str) -> list[dict[str, object]]:
        """Descriptors of every manifest whose subject is the digest."""
        with self.lock:
            stored = sorted(self.shelf(path).manifests.items())
        return [entry for name, (kind, content) in stored for entry in _referrer(name, kind, content, digest)]


def _referrer(name: str, media_type: str, content: bytes, digest: str) -> Iterator[dict[str, object]]:
    try:
        document = json.loads(content)
        subject = document["subject"]["digest"]
    except (ValueError, KeyError, TypeError):
        return
    if subject == digest:
        yield {
            "mediaType": media_type,
            "digest": name,
            "size": len(content),
            "artifactType": document.get("artifactType") or document.get("config", {}).get("mediaType", ""),
            "annotations": document.get("annotations", {}),
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, registry: FakeRegistry, certificate: tuple[Path, Path] | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry = registry
        self.connections: set[socket] = set()
        self.context: ssl.SSLContext | None = None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)

    def get_request(self) -> tuple[socket, object]:
        connection, address = self.socket.accept()
        with self.registry.lock:
            self.connections.add(connection)
            self.registry.connections_made += 1
        return connection, address

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket)
        if self.context is None:
            super().finish_request(request, client_address)
            return
        with self.context.wrap_socket(request.dup(), server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def shutdown_request(self, request: object) -> None:
        assert isinstance(request, socket)
        with self.registry.lock:
            self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose in many tests; that is no news."""

    def cut_connections(self) -> None:
        with self.registry.lock:
            for connection in self.connections:
                _hang_up(connection)


def _hang_up(connection: socket) -> None:
    try:
        connection.shutdown(SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: _Server
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the parent's
        """Stay quiet; `requests` has it all."""

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        registry = self.server.registry
        headers = {name.lower(): value for name, value in self.headers.items()}
        registry.requests.append(
            SeenRequest(method=self.command, path=target.path, query=target.query, headers=headers)
        )
        fault = registry.due_fault(target.path, self.command)
        if fault.drop:
            self.close_connection = True
            _hang_up(self.connection)
            return
        self._answer(fault, *self._route(target.path, target.query, body, fault))

    def _route(self, path: str, query: str, body: bytes, fault: Fault) -> tuple[int, dict[str, str], bytes]:
        parts = path.removeprefix("/v2/").split("/")
        if path == "/v2/":
            return 200, {"Content-Type": "application/json"}, b"{}"
        if parts[-3:-1] == ["blobs", "uploads"]:
            return self._upload("/".join(parts[:-3]), query, body)
        name, collection, item = "/".join(parts[:-2]), parts[-2], parts[-1]
        if collection == "manifests" and self.command == "PUT":
            return self._put_manifest(name, item, body)
        if collection == "referrers" and self.server.registry.referrers_api:
            return self._list_referrers(name, item, query, fault)
        return self._fetch(name, collection, item)

    def _fetch(self, name: str, collection: str, item: str) -> tuple[int, dict[str, str], bytes]:
        shelf = self.server.registry.shelf(name)
        if collection == "manifests":
            digest = shelf.tags.get(item, item)
            media_type, content = shelf.manifests.get(digest, ("", b""))
            return _found(content, media_type, digest) if media_type else _unknown("MANIFEST_UNKNOWN")
        if collection == "blobs":
            blob = shelf.blobs.get(item)
            return _unknown("BLOB_UNKNOWN") if blob is None else _found(blob, "application/octet-stream", item)
        return 404, {"Content-Type": "text/plain"}, b"404 page not found\n"

    def _upload(self, name: str, query: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if self.command == "POST":
            return 202, {"Location": f"/v2/{name}/blobs/uploads/{uuid.uuid4()}?state=s"}, b""
        digest = parse_qs(query).get("digest", [""])[0]
        if Digest.of(body).text != digest:
            return 400, {}, b'{"errors":[{"code":"DIGEST_INVALID"}]}'
        self.server.registry.put_blob(name, body)
        return 201, {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}, b""

    def _put_manifest(self, name: str, item: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        registry = self.server.registry
        tag = "" if item.startswith("sha256:") else item
        media_type = self.headers.get("Content-Type", "")
        descriptor = registry.put_manifest(name, body, media_type, tag=tag)
        headers = {"Docker-Content-Digest": descriptor.digest.text}
        subject = json.loads(body).get("subject")
        if subject and registry.referrers_api:
            headers["OCI-Subject"] = subject["digest"]
        return 201, headers, b""

    def _list_referrers(self, name: str, digest: str, query: str, fault: Fault) -> tuple[int, dict[str, str], bytes]:
        registry = self.server.registry
        start = int(parse_qs(query).get("last", ["0"])[0])
        everything = registry.referrers(name, digest)
        page = everything[start : start + registry.page_size]
        headers = {"Content-Type": OCI_INDEX}
        following = start + registry.page_size
        if fault.endless_pages or following < len(everything):
            headers["Link"] = f'</v2/{name}/referrers/{digest}?last={following}>; rel="next"'
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": page}
        return 200, headers, json.dumps(document).encode()

    def _answer(self, fault: Fault, status: int, headers: dict[str, str], body: bytes) -> None:
        body = body if fault.octets is None else fault.octets
        if fault.media_type:
            headers["Content-Type"] = fault.media_type
        if fault.claimed_digest:
            headers["Docker-Content-Digest"] = fault.claimed_digest
        if fault.coding:
            headers["Content-Encoding"], body = "gzip", gzip.compress(body)
        if fault.location:
            headers["Location"] = fault.location
        headers.update(fault.headers)
        if fault.chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = b"".join(b"1\r\n%c\r\n" % octet for octet in body) + b"0\r\n\r\n"
        else:
            headers["Content-Length"] = str(len(body))
        if fault.seconds_per_head_octet:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Filler: ")
            self._trickle(b"a" * 1000, fault.seconds_per_head_octet)
            self.close_connection = True
            return
        self._send_head(fault.status or status, headers)
        if self.command != "HEAD":
            self._send_body(fault, body)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, fault: Fault, body: bytes) -> None:
        if fault.truncate is not None:
            self.wfile.write(body[: fault.truncate])
            self.wfile.flush()
            self.close_connection = True
        elif fault.seconds_per_octet:
            self._trickle(body, fault.seconds_per_octet)
        else:
            self.wfile.write(body)

    def _trickle(self, octets: bytes, pause: float) -> None:
        for octet in octets:
            self.wfile.write(bytes([octet]))
            self.wfile.flush()
            time.sleep(pause)


def _found(content: bytes, media_type: str, digest: str) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": media_type, "Docker-Content-Digest": digest}, content


def _unknown(code: str) -> tuple[int, dict[str, str], bytes]:
    return 404, {"Content-Type": "application/json"}, json.dumps({"errors": [{"code": code}]}).encode()
