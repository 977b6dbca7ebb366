"""What the fake registry holds, what goes wrong there, and who may see it."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from assay.domain.descriptor import OCI_MANIFEST, Descriptor
from assay.domain.digest import Digest

_KEPT_BODY = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What one path does instead of answering well; unset fields leave the answer as it is.

    `octets` replaces the body, `claimed_digest` the `Docker-Content-Digest`, `claimed_length` the `Content-Length`,
    `media_type` the `Content-Type`, `truncate` sends that many octets of the announced length and hangs up, `coding`
    sends the body gzipped, `seconds_per_octet` and `seconds_per_head_octet` trickle body and head, `drop` hangs up
    without an answer, `kept` takes that many octets of an upload in before it hangs up, `handled` hangs up after the
    request was carried out, `endless_pages` links every page of a list to a next one, `repeat` sends the body that many
    times, `times` limits the fault to the first requests, `method` to one method.
    """

    status: int = 0
    octets: bytes | None = None
    claimed_digest: str = ""
    claimed_length: str = ""
    media_type: str = ""
    truncate: int | None = None
    coding: bool = False
    chunked: bool = False
    seconds_per_octet: float = 0
    seconds_per_head_octet: float = 0
    drop: bool = False
    kept: int | None = None
    handled: bool = False
    location: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    endless_pages: bool = False
    repeat: int = 1
    times: int = -1
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """One request as it arrived; header names are in lower case, a body above 64 KiB is not kept."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(slots=True)
class Shelf:
    """What one repository holds."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class TokenService:
    """Issues tokens to users by password or identity token, and to nobody in particular when `anonymous`.

    A token holds for the scopes it was asked for, as often as `uses` says; `sign` makes one that others understand.
    Serve it at `/token` of a fake registry.
    """

    users: dict[str, str] = field(default_factory=dict)
    identity_tokens: set[str] = field(default_factory=set)
    anonymous: bool = False
    expires_in: object = 300
    member: str = "token"
    uses: int = -1
    issued: dict[str, set[str]] = field(default_factory=dict)
    sign: Callable[[set[str]], str] | None = None
    _number: int = 0

    def issue(self, authorization: str, form: dict[str, list[str]]) -> bytes | None:
        """The answer with a token, None when whoever asks is not known."""
        identity = form.get("refresh_token", [""])[0]
        known = identity in self.identity_tokens if identity else self._knows(authorization)
        if not known:
            return None
        self._number += 1
        scopes = {scope for text in form.get("scope", []) for scope in text.split(" ")}
        service = form.get("service", [""])[0]
        token = self.sign(scopes) if self.sign else f"token-{self._number}-for-{service}"
        self.issued[token] = scopes
        document = {self.member: token} | ({} if self.expires_in is None else {"expires_in": self.expires_in})
        return json.dumps(document).encode()

    def accepts(self, authorization: str, repository: str, action: str) -> bool:
        """Whether a `Bearer` header may do this."""
        token = authorization.removeprefix("Bearer ")
        granted = any(
            scope.startswith(f"repository:{repository}:") and action in scope.rpartition(":")[2].split(",")
            for scope in self.issued.get(token, set())
        )
        if granted and self.uses == 0:
            del self.issued[token]
            return False
        self.uses -= 1 if granted and self.uses > 0 else 0
        return granted

    def _knows(self, authorization: str) -> bool:
        if not authorization:
            return self.anonymous
        user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return user in self.users and self.users[user] == password


@dataclass(slots=True, kw_only=True)
class Guard:
    """Who may see a registry: the users of `tokens`, by `basic` or by a bearer token from `realm`."""

    tokens: TokenService
    realm: str = ""
    service: str = "fake"
    challenge: str = ""

    def challenge_for(self, authorization: str, repository: str, action: str) -> str:
        """The challenge for a request that is not let in, an empty text for one that is."""
        if self.realm:
            allowed = self.tokens.accepts(authorization, repository, action)
            bearer = f'Bearer realm="{self.realm}",service="{self.service}",scope="repository:{repository}:{action}"'
            return "" if allowed else self.challenge or bearer
        allowed = bool(authorization) and self.tokens._knows(authorization)
        return "" if allowed else self.challenge or 'Basic realm="fake"'


class RegistryState:
    """What a fake registry holds and how it behaves; contents are not checked when `put_*` stores them.

    `faults` maps a path without its query (`/v2/demo/app/manifests/v1`) to what goes wrong there; `requests` lists
    every request in the order of arrival. `conditions` says whether `If-Match` is heeded, `filters` whether referrers
    are filtered, `mounts` whether blobs are mounted, `ranges` whether parts of them are sent; `connections_made` counts
    connections. `on_request` is called before a request is carried out, `on_handled` after that and before it is
    answered.
    """

    def __init__(self, *, referrers_api: bool, page_size: int) -> None:
        self.referrers_api = referrers_api
        self.page_size = page_size
        self.conditions = True
        self.filters = True
        self.mounts = True
        self.ranges = True
        self.faults: dict[str, Fault] = {}
        self.requests: list[SeenRequest] = []
        self.connections_made = 0
        self.shelves: dict[str, Shelf] = {}
        self.uploads: dict[str, bytearray] = {}
        self.tokens: TokenService | None = None
        self.guard: Guard | None = None
        self.on_request: Callable[[SeenRequest], None] = lambda _: None
        self.on_handled: Callable[[SeenRequest], None] = lambda _: None
        self.lock = threading.RLock()

    def note(self, request: SeenRequest) -> None:
        """Remember a request."""
        self.requests.append(request if len(request.body) <= _KEPT_BODY else replace(request, body=b""))

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

    def shelf(self, path: str) -> Shelf:
        """The contents of a repository, made when it is first named."""
        return self.shelves.setdefault(path, Shelf())

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

    def begin_upload(self, path: str) -> str:
        """Open an upload session and return its path; sessions are numbered from 1."""
        with self.lock:
            location = f"/v2/{path}/blobs/uploads/{len(self.uploads) + 1}"
            self.uploads[location] = bytearray()
        return location

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
