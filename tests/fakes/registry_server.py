"""The fake registry's web server (OCI distribution specification 1.1)."""

import gzip
import json
import ssl
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, socket
from urllib.parse import parse_qs, quote_plus, urlsplit

from assay.domain.descriptor import OCI_INDEX
from assay.domain.digest import Digest
from tests.fakes.registry_state import Fault, RegistryState, SeenRequest

_Reply = tuple[int, dict[str, str], bytes]


class RegistryServer(ThreadingHTTPServer):
    """Serves one state on a free loopback port."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, state: RegistryState, certificate: tuple[Path, Path] | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self.connections: set[socket] = set()
        self.context: ssl.SSLContext | None = None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)

    def get_request(self) -> tuple[socket, object]:
        connection, address = self.socket.accept()
        with self.state.lock:
            self.connections.add(connection)
            self.state.connections_made += 1
        return connection, address

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket)
        if self.context is None:
            super().finish_request(request, client_address)
            return
        with request.dup() as own, self.context.wrap_socket(own, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def shutdown_request(self, request: object) -> None:
        assert isinstance(request, socket)
        with self.state.lock:
            self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose in many tests; that is no news."""

    def cut_connections(self) -> None:
        """Hang up on everybody."""
        with self.state.lock:
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
    server: RegistryServer
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

    def do_PATCH(self) -> None:
        self._serve()

    @property
    def _state(self) -> RegistryState:
        return self.server.state

    def _serve(self) -> None:
        target = urlsplit(self.path)
        announced = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(announced)
        if len(body) < announced:
            # Whoever broke off may ask for the standing before this thread gets here: keeping the part would be a race.
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = SeenRequest(method=self.command, path=target.path, query=target.query, headers=headers, body=body)
        self._state.note(seen)
        self._state.on_request(seen)
        fault = self._state.due_fault(target.path, self.command)
        if fault.kept is not None:
            self._state.uploads[target.path] += body[: fault.kept]
        if fault.drop or fault.kept is not None:
            self._break_off()
            return
        reply = self._route(seen, fault)
        self._state.on_handled(seen)
        if fault.handled:
            self._break_off()
            return
        self._answer(fault, *reply)

    def _break_off(self) -> None:
        self.close_connection = True
        _hang_up(self.connection)

    def _route(self, seen: SeenRequest, fault: Fault) -> _Reply:
        if seen.path == "/token":
            return self._issue_token(seen)
        if seen.path == "/v2/":
            return 200, {"Content-Type": "application/json"}, b"{}"
        parts = seen.path.removeprefix("/v2/").split("/")
        uploading = parts[-3:-1] == ["blobs", "uploads"]
        name = "/".join(parts[:-3] if uploading else parts[:-2])
        refused = self._challenge(name)
        if refused is not None:
            return refused
        return self._upload(name, seen) if uploading else self._serve_item(name, parts[-2], parts[-1], seen, fault)

    def _serve_item(self, name: str, collection: str, item: str, seen: SeenRequest, fault: Fault) -> _Reply:
        if collection == "manifests" and self.command == "PUT":
            return self._put_manifest(name, item, seen.body)
        if collection == "referrers" and self._state.referrers_api:
            return self._list_referrers(name, item, seen.query, fault)
        if collection == "tags":
            return self._list_tags(name, seen.query, fault)
        return self._fetch(name, collection, item)

    def _issue_token(self, seen: SeenRequest) -> _Reply:
        form = parse_qs(seen.body.decode() if seen.method == "POST" else seen.query)
        tokens = self._state.tokens
        answer = tokens.issue(seen.headers.get("authorization", ""), form) if tokens else None
        if answer is None:
            return 401, {}, b'{"errors":[]}'
        return 200, {"Content-Type": "application/json"}, answer

    def _challenge(self, name: str) -> _Reply | None:
        guard = self._state.guard
        if guard is None:
            return None
        action = "pull" if self.command in {"GET", "HEAD"} else "push"
        with self._state.lock:
            challenge = guard.challenge_for(self.headers.get("Authorization", ""), name, action)
        return (401, {"WWW-Authenticate": challenge}, b'{"errors":[]}') if challenge else None

    def _fetch(self, name: str, collection: str, item: str) -> _Reply:
        shelf = self._state.shelf(name)
        if collection == "manifests":
            digest = shelf.tags.get(item, item)
            media_type, content = shelf.manifests.get(digest, ("", b""))
            return _found(content, media_type, digest) if media_type else _unknown("MANIFEST_UNKNOWN")
        if collection == "blobs":
            blob = shelf.blobs.get(item)
            return _unknown("BLOB_UNKNOWN") if blob is None else self._send_from(blob, item)
        return 404, {"Content-Type": "text/plain"}, b"404 page not found\n"

    def _send_from(self, blob: bytes, digest: str) -> _Reply:
        """The whole blob, or what lies behind the start of a range."""
        status, headers, octets = _found(blob, "application/octet-stream", digest)
        wanted = self.headers.get("Range", "")
        if not wanted or not self._state.ranges:
            return status, headers, octets
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        return 206, {**headers, "Content-Range": f"bytes {start}-{len(blob) - 1}/{len(blob)}"}, octets[start:]

    def _upload(self, name: str, seen: SeenRequest) -> _Reply:
        query = parse_qs(seen.query)
        if self.command == "POST":
            return self._begin_upload(name, query)
        session = self._state.uploads.get(seen.path)
        if session is None:
            return _unknown("BLOB_UPLOAD_UNKNOWN")
        start = int(self.headers.get("Content-Range", f"{len(session)}-").partition("-")[0])
        standing = {"Location": f"{seen.path}?state=s", "Range": f"0-{max(len(session) - 1, 0)}"}
        if self.command == "GET":
            return 204, standing, b""
        if start != len(session):
            return 416, standing, b""
        session += seen.body
        if self.command == "PATCH":
            return 202, {**standing, "Range": f"0-{max(len(session) - 1, 0)}"}, b""
        return self._finish_upload(name, seen.path, query.get("digest", [""])[0])

    def _begin_upload(self, name: str, query: dict[str, list[str]]) -> _Reply:
        mounted, source = query.get("mount", [""])[0], query.get("from", [""])[0]
        blob = self._state.shelf(source).blobs.get(mounted) if self._state.mounts else None
        if blob is not None:
            self._state.put_blob(name, blob)
            return 201, {"Location": f"/v2/{name}/blobs/{mounted}", "Docker-Content-Digest": mounted}, b""
        return 202, {"Location": f"{self._state.begin_upload(name)}?state=s"}, b""

    def _finish_upload(self, name: str, path: str, digest: str) -> _Reply:
        content = bytes(self._state.uploads[path])
        if Digest.of(content).text != digest:
            return 400, {}, b'{"errors":[{"code":"DIGEST_INVALID"}]}'
        self._state.uploads[path] = bytearray()
        self._state.put_blob(name, content)
        return 201, {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}, b""

    def _put_manifest(self, name: str, item: str, body: bytes) -> _Reply:
        state = self._state
        tag = "" if item.startswith("sha256:") else item
        with state.lock:
            if tag and state.conditions and not self._condition_holds(name, tag):
                return 412, {}, b""
            descriptor = state.put_manifest(name, body, self.headers.get("Content-Type", ""), tag=tag)
        headers = {"Docker-Content-Digest": descriptor.digest.text}
        subject = json.loads(body).get("subject")
        if subject and state.referrers_api:
            headers["OCI-Subject"] = subject["digest"]
        return 201, headers, b""

    def _condition_holds(self, name: str, tag: str) -> bool:
        current = self._state.shelf(name).tags.get(tag)
        wanted = self.headers.get("If-Match")
        if self.headers.get("If-None-Match") == "*":
            return current is None
        return wanted is None or wanted == f'"{current}"'

    def _list_referrers(self, name: str, digest: str, query: str, fault: Fault) -> _Reply:
        everything = self._state.referrers(name, digest)
        headers = {"Content-Type": OCI_INDEX}
        kind = parse_qs(query).get("artifactType", [""])[0]
        if kind and self._state.filters:
            everything = [entry for entry in everything if entry["artifactType"] == kind]
            headers["OCI-Filters-Applied"] = "artifactType"
        page, link = self._page(everything, query, fault)
        if link:
            kept = f"&artifactType={quote_plus(kind)}" if kind else ""
            headers["Link"] = f'</v2/{name}/referrers/{digest}?last={link}{kept}>; rel="next"'
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": page}
        return 200, headers, json.dumps(document).encode()

    def _list_tags(self, name: str, query: str, fault: Fault) -> _Reply:
        if name not in self._state.shelves:
            return _unknown("NAME_UNKNOWN")
        page, link = self._page(sorted(self._state.shelf(name).tags), query, fault)
        headers = {"Link": f'</v2/{name}/tags/list?last={link}>; rel="next"'} if link else {}
        return 200, {"Content-Type": "application/json", **headers}, json.dumps({"name": name, "tags": page}).encode()

    def _page(self, everything: Sequence[object], query: str, fault: Fault) -> tuple[Sequence[object], int]:
        """The page that `last` names, and the number to name for the one after it, 0 for none."""
        start = int(parse_qs(query).get("last", ["0"])[0])
        following = start + self._state.page_size
        more = fault.endless_pages or following < len(everything)
        return everything[start:following], following if more else 0

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
            headers["Content-Length"] = fault.claimed_length or str(len(body) * fault.repeat)
        if fault.seconds_per_head_octet:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Filler: ")
            self._trickle(b"a" * 1000, fault.seconds_per_head_octet)
            self.close_connection = True
            return
        self._send_head(fault.status or status, headers)
        if self.command != "HEAD" and status != 204:
            self._send_body(fault, body)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        (self.send_response_only if "Date" in headers else self.send_response)(status)
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
            for _ in range(fault.repeat):
                self.wfile.write(body)

    def _trickle(self, octets: bytes, pause: float) -> None:
        for octet in octets:
            self.wfile.write(bytes([octet]))
            self.wfile.flush()
            time.sleep(pause)


def _found(content: bytes, media_type: str, digest: str) -> _Reply:
    return 200, {"Content-Type": media_type, "Docker-Content-Digest": digest, "ETag": f'"{digest}"'}, content


def _unknown(code: str) -> _Reply:
    return 404, {"Content-Type": "application/json"}, json.dumps({"errors": [{"code": code}]}).encode()
