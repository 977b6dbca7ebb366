"""HTTP to the API server: one host, everything limited.

No redirect is followed, and no proxy, cookie or credential of the environment is used, so our token goes to the API
server and nowhere else. Every call has a connection of its own: calls are rare, files with certificates are replaced,
and a connection must not survive a fork.
"""

import http
import json
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.timeout import Timeout

from assay.adapters.kubernetes.access import ClusterAccess
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput, Unavailable
from assay.formats.open_object import OpenObject
from assay.formats.strict_json import parse_json
from assay.transport.session import read_body

_JSON = "application/json"
_CONNECT_SECONDS = 2.0
_READ_SECONDS = 10.0
_CHUNK = 64 * 1024
_LARGEST = 8 * 1024 * 1024
_LONGEST_EVENT = 2 * 1024 * 1024
_LONGEST_TOKEN = 64 * 1024


class VersionExpired(Exception):
    """The API server does not know the resource version any more (410): everything is to be listed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesConnection:
    """Talks to one API server; raises `Unavailable(cluster_unavailable)` whenever there is no usable answer."""

    access: ClusterAccess

    def get(self, path: str, deadline: Deadline, *, accept: str = _JSON) -> OpenObject | None:
        """The JSON object at a path, None when there is none (404); raises `VersionExpired`, too."""
        content = self._fetch("GET", path, deadline, accept=accept)
        return None if content is None else parse_answer(content, largest=_LARGEST)

    def exchange(
        self, method: str, path: str, deadline: Deadline, *, document: Mapping[str, object] | None = None
    ) -> dict[str, object] | None:
        """The whole object that a call answers, None when there is none (404); `document` is sent with it.

        Raises `Unavailable(cluster_conflict)` when somebody else changed the object meanwhile (409), too.
        """
        body = None if document is None else json.dumps(document).encode()
        try:
            content = self._fetch(method, path, deadline, body=body)
        except VersionExpired as error:
            raise unavailable("HTTP status 410") from error
        return None if content is None else _parse_object(content)

    def _fetch(
        self, method: str, path: str, deadline: Deadline, *, accept: str = _JSON, body: bytes | None = None
    ) -> bytes | None:
        left = deadline.remaining("the answer of the Kubernetes API")
        timeout = Timeout(connect=min(_CONNECT_SECONDS, left), read=min(_READ_SECONDS, left))
        with self._exchange(path, accept, timeout, method=method, body=body) as response:
            if response.status == http.HTTPStatus.NOT_FOUND:
                return None
            go_on = partial(deadline.remaining, "the answer of the Kubernetes API")
            return read_body(response, largest=_LARGEST, go_on=go_on)

    def watch(self, path: str, *, accept: str, silence: float) -> Iterator[OpenObject]:
        """The events of a watch until the API server ends it; `silence` is the longest pause in seconds between them.

        Raises `VersionExpired`, too.
        """
        pending = b""
        timeout = Timeout(connect=_CONNECT_SECONDS, read=silence)
        with self._exchange(path, accept, timeout) as response:
            if response.status == http.HTTPStatus.NOT_FOUND:
                raise unavailable("it has no such list")
            while piece := response.read1(_CHUNK, decode_content=False):
                *lines, pending = (pending + piece).split(b"\n")
                for line in lines:
                    yield parse_answer(line, largest=_LONGEST_EVENT)
                if len(pending) > _LONGEST_EVENT:
                    raise unavailable(f"an event has more than {_LONGEST_EVENT} bytes")

    @contextmanager
    def _exchange(
        self, path: str, accept: str, timeout: Timeout, *, method: str = "GET", body: bytes | None = None
    ) -> Iterator[BaseHTTPResponse]:
        parts = urlsplit(self.access.address)
        headers = {"User-Agent": "assay", "Accept": accept, "Accept-Encoding": "identity", **self._authorization()}
        if body is not None:
            headers["Content-Type"] = _JSON
        try:
            with HTTPSConnectionPool(
                (parts.hostname or "").strip("[]"), parts.port, ssl_context=self._context(), retries=False
            ) as pool:
                response = pool.request(
                    method, path, body=body, headers=headers, redirect=False, preload_content=False, timeout=timeout
                )
                try:
                    _require_success(response.status)
                    yield response
                finally:
                    response.close()
        except (HTTPError, OSError) as error:
            # The name of the fault alone: its text may repeat what was sent.
            raise unavailable(f"{type(error).__name__}") from error

    def _authorization(self) -> Mapping[str, str]:
        """The token; read for every call when it is a file, because Kubernetes replaces it."""
        token = self.access.token
        if token is None:
            return {}
        try:
            octets = token if isinstance(token, bytes) else _read(token)
            text = octets.decode("ascii").strip()
        except (OSError, ValueError) as error:
            raise unavailable("our token cannot be read") from error
        if not text or len(text) > _LONGEST_TOKEN or not text.isprintable() or " " in text:
            raise unavailable("our token is none")
        return {"Authorization": f"Bearer {text}"}

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        authority, certificate, key = self.access.authority, self.access.certificate, self.access.key
        try:
            octets = authority if isinstance(authority, bytes) else _read(authority)
            context.load_verify_locations(cadata=octets.decode("ascii"))
            if certificate is not None and key is not None:
                with _as_file(certificate) as certificate_file, _as_file(key) as key_file:
                    context.load_cert_chain(certificate_file, key_file)
        except (OSError, ValueError) as error:  # an `ssl.SSLError` is an OSError
            raise unavailable("the authority or our certificate cannot be read") from error
        return context


def parse_answer(octets: bytes, *, largest: int) -> OpenObject:
    """The JSON object that the API server sent."""
    try:
        document = parse_json(octets, what="the answer", largest=largest, depth=64)
        return OpenObject(document, place="the answer", code="cluster_unavailable")
    except InvalidInput as error:
        raise unavailable(error.message) from error


def _parse_object(octets: bytes) -> dict[str, object]:
    try:
        document = parse_json(octets, what="the answer", largest=_LARGEST, depth=64)
    except InvalidInput as error:
        raise unavailable(error.message) from error
    if not isinstance(document, dict):
        raise unavailable("it is no object")
    return document


def unavailable(why: str) -> Unavailable:
    """The error for an API server that gave no usable answer."""
    return Unavailable(
        "cluster_unavailable",
        f"the Kubernetes API gave no usable answer: {why}",
        remedy="check the API server, our service account and its roles, then repeat",
    )


def _require_success(status: int) -> None:
    if status == http.HTTPStatus.GONE:
        raise VersionExpired
    if status in {http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN}:
        raise unavailable(f"it refuses to answer us (HTTP status {status})")
    if status == http.HTTPStatus.CONFLICT:
        raise Unavailable(
            "cluster_conflict", "somebody else changed the object meanwhile", remedy="look at it, then repeat"
        )
    if status not in {http.HTTPStatus.OK, http.HTTPStatus.CREATED, http.HTTPStatus.NOT_FOUND}:
        raise unavailable(f"HTTP status {status}")


def _read(file: Path) -> bytes:
    with file.open("rb") as handle:
        return handle.read(_LARGEST)


@contextmanager
def _as_file(material: Path | bytes) -> Iterator[Path]:
    """A path of the material: `ssl` reads a key from a file alone, so one in memory gets a private one for a moment."""
    if isinstance(material, Path):
        yield material
        return
    with tempfile.NamedTemporaryFile(prefix="assay-") as file:
        file.write(material)
        file.flush()
        yield Path(file.name)
