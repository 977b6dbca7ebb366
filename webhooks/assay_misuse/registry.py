"""A registry that lies on command (OCI distribution specification 1.1, read side)."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from assay_misuse.document import INDEX, Stored

_STANDSTILL = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def wants_manifest(self) -> bool:
        """Whether it asks for a manifest by tag or digest."""
        return "/manifests/" in self.path

    @property
    def wants_referrers(self) -> bool:
        """Whether it asks for a listing of referrers."""
        return "/referrers/" in self.path

    @property
    def tag_or_digest(self) -> str:
        """The end of its path."""
        return self.path.partition("?")[0].rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered.

    `pieces` are sent after the body, one every `pause` seconds, for as long as the client listens and the registry is
    open; `length` is claimed instead of the body's own, None promises the body's. `silent` answers nothing at all.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    pieces: Iterator[bytes] | None = None
    pause: float = 0.0
    length: int | None = None
    silent: bool = False


Lie = Callable[[Asked, Reply], Reply]
NOT_FOUND = Reply(status=404, body=b'{"errors": [{"code": "NOT_FOUND"}]}')


@dataclass(slots=True, kw_only=True)
class _Repository:
    manifests: dict[str, Stored] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    referrers: dict[str, list[Stored]] = field(default_factory=dict)


class LyingRegistry:
    """Serves what was put into it, and lies about the repositories it was told to lie about.

    Stores in memory and speaks plain HTTP. `seen` are all requests so far.
    """

    def __init__(self, host: str, *, address: tuple[str, int]) -> None:
        self.seen: list[Asked] = []
        self.closing = threading.Event()
        self._named = host
        self._repositories: dict[str, _Repository] = {}
        self._lies: dict[str, Lie] = {}
        self._server = _Server(address, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @classmethod
    @contextmanager
    def serving(cls, host: str = "", *, address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[Self]:
        """Serve as `host` (`HOST:PORT` as image names write it; by default the address) until the block ends."""
        registry = cls(host, address=address)
        registry._thread.start()
        try:
            yield registry
        finally:
            registry.closing.set()
            registry._server.shutdown()
            registry._server.server_close()
            registry._thread.join()

    @property
    def host(self) -> str:
        """How image names write this registry."""
        return self._named or f"127.0.0.1:{self._server.server_port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_port)

    def put(self, path: str, stored: Stored, *, tag: str = "") -> str:
        """Store a manifest with its blobs, move the tag to it, and return its digest."""
        repository = self._repositories.setdefault(path, _Repository())
        if stored.digest not in repository.manifests:
            repository.referrers.setdefault(_subject(stored), []).append(stored)
        repository.manifests[stored.digest] = stored
        for blob in stored.blobs:
            repository.blobs[_digest(blob)] = blob
        if tag:
            repository.tags[tag] = stored.digest
        return stored.digest

    def lie(self, path: str, lie: Lie) -> None:
        """Answer everything about this repository with what the lie makes of the truth."""
        self._lies[path] = lie

    def be_honest(self, path: str) -> None:
        """Tell the truth about this repository again."""
        self._lies.pop(path, None)

    def answer(self, asked: Asked) -> Reply:
        """The truth, or the lie about it."""
        self.seen.append(asked)
        path, truth = self._truth(asked.path.partition("?")[0])
        lie = self._lies.get(path)
        return lie(asked, truth) if lie else truth

    def _truth(self, target: str) -> tuple[str, Reply]:
        for word in ("manifests", "blobs", "referrers"):
            before, found, name = target.rpartition(f"/{word}/")
            if found:
                path = before.removeprefix("/v2/")
                return path, self._read(self._repositories.get(path, _Repository()), word, name)
        return "", Reply(body=b"{}") if target == "/v2/" else NOT_FOUND

    @staticmethod
    def _read(repository: _Repository, word: str, name: str) -> Reply:
        if word == "manifests":
            stored = repository.manifests.get(repository.tags.get(name, name))
            return manifest_reply(stored) if stored else NOT_FOUND
        if word == "blobs":
            blob = repository.blobs.get(name)
            return NOT_FOUND if blob is None else Reply(body=blob, headers={"Content-Type": "application/octet-stream"})
        return referrers_reply(repository.referrers.get(name, []))


def manifest_reply(stored: Stored) -> Reply:
    """The answer that serves a manifest."""
    headers = {"Content-Type": stored.media_type, "Docker-Content-Digest": stored.digest}
    return Reply(body=stored.octets, headers=headers)


def referrers_reply(referrers: list[Stored], *, more: str = "") -> Reply:
    """The answer that lists referrers; `more` is the address of the next page."""
    listed = []
    for item in referrers:
        kind = json.loads(item.octets).get("artifactType")  # it names its subject: an object that can be read
        listed.append(item.descriptor(**({"artifactType": kind} if kind else {})))
    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
    link = {"Link": f'<{more}>; rel="next"'} if more else {}
    return Reply(body=body, headers={"Content-Type": INDEX, **link})


def _digest(octets: bytes) -> str:
    return Stored(octets=octets).digest


def _subject(stored: Stored) -> str:
    try:
        document = json.loads(stored.octets)
    except (ValueError, RecursionError):
        return ""
    subject = document.get("subject") if isinstance(document, dict) else None
    return str(subject.get("digest")) if isinstance(subject, dict) else ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], registry: LyingRegistry) -> None:
        self.registry = registry
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on a registry that lies; that is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the parent's
        """Stay quiet; `seen` has it all."""

    def do_GET(self) -> None:  # the name is the parent's
        """Answer a GET."""
        self._answer()

    def do_HEAD(self) -> None:  # the name is the parent's
        """Answer a HEAD."""
        self._answer()

    def do_POST(self) -> None:  # the name is the parent's
        """Answer a POST, as token services get it."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        registry = self.server.registry
        reply = registry.answer(Asked(method=self.command, path=self.path, headers=headers))
        if reply.silent:
            registry.closing.wait(_STANDSTILL)
            self.close_connection = True
            return
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        plain = reply.pieces is None and reply.length is None
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.length is not None or plain:
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
        if not plain:
            # Said aloud: a client that keeps the connection would send its next request into the closing one.
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
            self.wfile.flush()
            self._send_pieces(reply)

    def _send_pieces(self, reply: Reply) -> None:
        for piece in reply.pieces or ():
            try:
                self.wfile.write(piece)
                self.wfile.flush()
            except OSError:
                return
            if self.server.registry.closing.wait(reply.pause):
                return
