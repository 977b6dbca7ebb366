"""One HTTP exchange with a registry: deadline, caps, redirects, one retry, and what each status means."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.connection import AddressRefused, open_session
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, InvalidInput, Unavailable

_CONNECT_SECONDS = 2.0
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_READS = frozenset({"GET", "HEAD"})
_CHUNK = 64 * 1024
_LONGEST_LOCATION = 8 * 1024
_DRAINED = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and what may be answered.

    `expected` are the statuses handed back to the caller, `cap` the number of bytes of the answer that are of use.
    `leaves_host` allows redirects to another host, which is right for blobs only.
    """

    method: str
    url: str
    expected: frozenset[int]
    cap: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    leaves_host: bool = False

    @property
    def name(self) -> str:
        """Method and address without the query, which may carry a credential."""
        parts = urlsplit(self.url)
        return f"{self.method} {parts.netloc}{parts.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with an expected status.

    `octets` holds at most `cap + 1` bytes: more than `cap` means that the body is longer than the caller allows.
    """

    status: int
    headers: Mapping[str, str]
    octets: bytes = field(repr=False)


class _TransportFault(Exception):
    """The connection failed before the answer was complete."""


class Transport:
    """Sends exchanges over connections that are pooled per process and never shared across a fork.

    Only `Unavailable` (`registry_unavailable`, `registry_denied`, `deadline_exceeded`) and `InvalidInput`
    (`registry_not_configured`, `push_refused`) leave it; no message carries a query, a header or a body.
    """

    def __init__(self, access: RegistryAccess) -> None:
        self._access = access
        self._lock = Lock()
        self._sessions: dict[tuple[int, bool], requests.Session] = {}

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            for session in self._sessions.values():
                session.close()
            self._sessions.clear()

    def send(self, exchange: Exchange, deadline: Deadline) -> Answer:
        """Send the exchange and return the answer, when its status is an expected one.

        A read is repeated once when the connection failed; nothing else is. Every byte arrives before the deadline.
        """
        attempts = 2 if exchange.method in _READS else 1
        for _ in range(attempts):
            try:
                return self._follow(exchange, deadline)
            except _TransportFault as fault:
                deadline.remaining(exchange.name)
                why = str(fault)
        raise _unavailable(exchange, why)

    def _follow(self, exchange: Exchange, deadline: Deadline) -> Answer:
        url = exchange.url
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._request(exchange, url, deadline)
            try:
                location = response.headers.get("Location", "")
                if response.status_code not in _REDIRECTS or not location or exchange.method not in _READS:
                    return _receive(exchange, response, deadline)
                _drain(response, deadline)
                url = self._redirected(exchange, url, location)
            finally:
                response.close()
        raise _unavailable(exchange, f"it redirects more than {_MOST_REDIRECTS} times")

    def _request(self, exchange: Exchange, url: str, deadline: Deadline) -> requests.Response:
        left = deadline.remaining(exchange.name)
        try:
            return self._session(exchange, url).request(
                exchange.method,
                url,
                headers=dict(exchange.headers),
                data=_Upload(exchange, exchange.body, deadline) if exchange.body else exchange.body,
                timeout=(min(_CONNECT_SECONDS, left), left),
                allow_redirects=False,
                stream=True,
            )
        except AddressRefused as error:
            raise self._address_refused(exchange, url, error) from error
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise _TransportFault(type(error).__name__) from error

    def _session(self, exchange: Exchange, url: str) -> requests.Session:
        parts = urlsplit(url)
        at_home = _origin(parts) == _origin(urlsplit(exchange.url))
        trusted = self._access.names(parts.netloc) or (
            at_home and (parts.scheme == "http" or self._access.private_addresses)
        )
        key = (os.getpid(), not trusted)
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = open_session(
                    certificate_authority=self._access.certificate_authority, public_addresses_only=not trusted
                )
            return self._sessions[key]

    def _redirected(self, exchange: Exchange, url: str, location: str) -> str:
        target = resolve_location(url, location)
        if target is None:
            raise _unavailable(exchange, "it redirects to something that is no http address")
        here, there = urlsplit(url), urlsplit(target)
        if here.scheme == "https" and there.scheme != "https":
            raise _unavailable(exchange, "it redirects from https to http")
        if _origin(here) == _origin(there):
            return target
        if not exchange.leaves_host:
            raise _unavailable(exchange, f"it redirects to another host, {there.netloc[:100]}")
        if there.scheme != "https" and not self._access.names(there.netloc):
            raise _unavailable(exchange, f"it redirects to {there.netloc[:100]} in plain http")
        return target

    def _address_refused(self, exchange: Exchange, url: str, error: AddressRefused) -> AssayError:
        if _origin(urlsplit(url)) != _origin(urlsplit(exchange.url)):
            return _unavailable(exchange, f"it redirects to a host that is not public: {error}")
        return InvalidInput(
            "registry_not_configured",
            f"{urlsplit(url).netloc} is not a public host and not configured: {error}",
            remedy="have the registry added to the configuration",
        )


class _Upload(BytesIO):
    """A request body that checks the deadline whenever a piece of it is sent."""

    def __init__(self, exchange: Exchange, body: bytes, deadline: Deadline) -> None:
        super().__init__(body)
        self._what = exchange.name
        self._deadline = deadline

    def read(self, amount: int | None = -1, /) -> bytes:
        self._deadline.remaining(self._what)
        return super().read(amount)


def resolve_location(url: str, location: str) -> str | None:
    """The absolute address a `Location` or `Link` means, or None when it is not a plain http(s) address."""
    if not 0 < len(location) <= _LONGEST_LOCATION or not location.isascii() or not location.isprintable():
        return None
    try:
        target = urljoin(url, location)
        parts = urlsplit(target)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not usable or "@" in parts.netloc or " " in target:
        return None
    return target


def same_host(url: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port."""
    return _origin(urlsplit(url)) == _origin(urlsplit(other))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _receive(exchange: Exchange, response: requests.Response, deadline: Deadline) -> Answer:
    if response.status_code not in exchange.expected:
        _drain(response, deadline)
        raise _refusal(exchange, response.status_code)
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise _unavailable(exchange, "it answers with a content coding that was not asked for")
    octets = _read(exchange, response, exchange.cap, deadline)
    return Answer(status=response.status_code, headers=response.headers, octets=octets)


def _read(exchange: Exchange, response: requests.Response, cap: int, deadline: Deadline) -> bytes:
    raw: BaseHTTPResponse = response.raw
    received = bytearray()
    try:
        while len(received) <= cap and (piece := raw.read1(_CHUNK, decode_content=False)):
            received += piece
            deadline.remaining(exchange.name)
    except (HTTPError, OSError, ValueError) as error:
        raise _TransportFault(type(error).__name__) from error
    return bytes(received[: cap + 1])


def _drain(response: requests.Response, deadline: Deadline) -> None:
    """Read a short body that nobody needs, so that the connection can be used again; a long one is cut off."""
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) <= _DRAINED:
        exchange = Exchange(method="GET", url=response.url, expected=frozenset(), cap=_DRAINED)
        _read(exchange, response, _DRAINED, deadline)


def _refusal(exchange: Exchange, status: int) -> AssayError:
    if status in {401, 403}:
        return Unavailable(
            "registry_denied",
            f"{exchange.name} was refused with status {status}",
            remedy="check that the repository exists and that anonymous access to it is allowed",
        )
    if exchange.method not in _READS and 400 <= status < 500 and status not in {408, 429}:
        return InvalidInput(
            "push_refused",
            f"{exchange.name} was refused with status {status}",
            remedy="check that the registry takes pushes and this kind of content",
        )
    return _unavailable(exchange, f"it answers with status {status}")


def _unavailable(exchange: Exchange, why: str) -> Unavailable:
    return Unavailable(
        "registry_unavailable", f"{exchange.name} failed: {why}", remedy="repeat the call when the registry is well"
    )
