"""Sending exchanges: deadline, caps, redirects, one repetition, and what each status means."""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Lock
from typing import cast
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.connection import open_pools, trusting
from assay.adapters.registry.exchange import Answer, Body, Exchange, resolve_location, same_host
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.transport.address import AddressRefused

_CONNECT_SECONDS = 2.0
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_DELAYS = 5
_BUSY = frozenset({429, 503})
_SUCCESS = frozenset({200, 206})
_CHUNK = 16 * 1024 * 1024
_STREAMED = 1024 * 1024
_DRAINED = 16 * 1024
_MOST_DIGITS = 15
_HEADERS = {"User-Agent": "assay", "Accept-Encoding": "identity"}


_Route = tuple[int, str, bool, Path | None]
"""Process, scheme, whether addresses must be public, and the file of the authority."""
_Edition = tuple[int, int, int]


class Interrupted(Unavailable):
    """`registry_unavailable`: the connection failed before the answer was complete; the registry may have acted."""


class _TransportFault(Exception):
    """The connection failed before the answer was complete."""


class _Busy(Exception):
    """The registry asks to come back later; `seconds` is None when it does not say when."""

    def __init__(self, status: int, seconds: int | None) -> None:
        super().__init__(status)
        self.status = status
        self.seconds = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pools:
    """Connections, and which edition of their authority's file they trust."""

    edition: _Edition | None
    manager: PoolManager


class Transport:
    """Sends exchanges over connections that are pooled per process and never shared across a fork.

    Only `Unavailable` (`registry_unavailable`, `registry_denied`, `deadline_exceeded`) and `InvalidInput`
    (`registry_not_configured`, `push_refused`) leave it; no message carries a query, a header or a body. `pause` waits
    some seconds; `count` is told `sent` for every request, and `repeated` or `delayed` for a repetition.
    """

    def __init__(
        self,
        access: RegistryAccess,
        *,
        pause: Callable[[float], None] = time.sleep,
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._access = access
        self._pause = pause
        self._count = count
        self._lock = Lock()
        self._pools: dict[_Route, _Pools] = {}

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            for pools in self._pools.values():
                pools.manager.clear()
            self._pools.clear()

    def send(self, exchange: Exchange, deadline: Deadline) -> Answer:
        """Send the exchange and return the answer, when its status is an expected one.

        What may be repeated is repeated: once when the connection failed, and five times at most while the registry is
        busy and names a time (`Retry-After`) that the deadline leaves. Every byte arrives before the deadline.
        """
        failed = delayed = 0
        while True:
            try:
                return self._follow(exchange, deadline)
            except _TransportFault as fault:
                deadline.remaining(exchange.name)
                if failed or not exchange.may_repeat:
                    raise _interrupted(exchange, fault) from fault
                failed += 1
                self._count("repeated")
            except _Busy as busy:
                if delayed == _MOST_DELAYS or not _is_worth_waiting(busy, exchange, deadline):
                    raise _refusal(exchange, busy.status) from busy
                delayed += 1
                self._pause(busy.seconds or 0)
                self._count("delayed")

    def _follow(self, exchange: Exchange, deadline: Deadline) -> Answer:
        url, authorization = exchange.url, exchange.authorization
        for _ in range(_MOST_REDIRECTS + 1):
            response, kept = self._request(exchange, url, authorization, deadline), False
            try:
                location = response.headers.get("Location", "")
                if response.status not in _REDIRECTS or not location or not exchange.reads:
                    answer = _receive(exchange, response, deadline, at_home=same_host(exchange.url, url))
                    kept = answer.pieces is not None
                    return answer
                _drain(response, deadline)
                target = self._redirected(exchange, url, location)
            finally:
                if not kept:
                    response.close()
            authorization = authorization if same_host(url, target) else ""
            url = target
        raise _unavailable(exchange, f"it redirects more than {_MOST_REDIRECTS} times")

    def _request(self, exchange: Exchange, url: str, authorization: str, deadline: Deadline) -> BaseHTTPResponse:
        left = deadline.remaining(exchange.name)
        self._count("sent")
        headers = {**_HEADERS, **exchange.headers, **({"Authorization": authorization} if authorization else {})}
        body = _Upload(exchange, exchange.body, deadline) if exchange.body else None
        if body is not None:
            headers["Content-Length"] = str(len(body))
        try:
            return self._connected(exchange, url).urlopen(
                exchange.method,
                url,
                body=cast("Iterable[bytes] | None", body),
                headers=headers,
                timeout=Timeout(connect=min(_CONNECT_SECONDS, left), read=left),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except AddressRefused as error:
            raise _address_refused(exchange, url, error) from error
        except (HTTPError, OSError, ValueError) as error:
            raise _TransportFault(type(error).__name__) from None  # its text may quote an address with its query

    def _connected(self, exchange: Exchange, url: str) -> PoolManager:
        """The connections for this address; those that trust a file are made anew when that file changes."""
        parts = urlsplit(url)
        at_home = same_host(url, exchange.url) and not exchange.confined
        trusted = self._access.names(parts.netloc) or (
            at_home and (parts.scheme == "http" or self._access.private_addresses)
        )
        authority = self._access.authority_of(parts.netloc)
        route = (os.getpid(), parts.scheme, not trusted, authority)
        edition = _edition(authority) if parts.scheme == "https" else None
        with self._lock:
            kept = self._pools.get(route)
            if kept is None or kept.edition != edition:
                context = trusting(authority) if parts.scheme == "https" else None
                manager = open_pools(context, public_addresses_only=not trusted)
                kept = self._pools[route] = _Pools(edition=edition, manager=manager)
            return kept.manager

    def _redirected(self, exchange: Exchange, url: str, location: str) -> str:
        target = resolve_location(url, location)
        if target is None:
            raise _unavailable(exchange, "it redirects to something that is no http address")
        here, there = urlsplit(url), urlsplit(target)
        if here.scheme == "https" and there.scheme != "https":
            raise _unavailable(exchange, "it redirects from https to http")
        if same_host(url, target):
            return target
        if not exchange.leaves_host:
            raise _unavailable(exchange, f"it redirects to another host, {there.netloc[:100]}")
        if there.scheme != "https" and not self._access.names(there.netloc):
            raise _unavailable(exchange, f"it redirects to {there.netloc[:100]} in plain http")
        return target


class _Upload:
    """A request body in pieces that checks the deadline whenever one of them is sent."""

    def __init__(self, exchange: Exchange, body: bytes | Body, deadline: Deadline) -> None:
        self._what = exchange.name
        self._body = body
        self._deadline = deadline

    def __len__(self) -> int:
        return len(self._body)

    def __iter__(self) -> Iterator[bytes | memoryview]:
        for piece in [self._body] if isinstance(self._body, bytes) else self._body:
            self._deadline.remaining(self._what)
            yield piece


class _Body:
    """The body of an answer as it arrives; whoever wants its digest checked has to do that."""

    def __init__(self, exchange: Exchange, response: BaseHTTPResponse, deadline: Deadline) -> None:
        self._exchange = exchange
        self._response = response
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._deadline.remaining(self._exchange.name)
        try:
            piece = self._response.read(_STREAMED, decode_content=False)
        except (HTTPError, OSError, ValueError) as error:
            raise _interrupted(self._exchange, _TransportFault(type(error).__name__)) from None
        if not piece:
            self.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        self._response.close()


def _edition(authority: Path | None) -> _Edition | None:
    if authority is None:
        return None
    status = authority.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _receive(exchange: Exchange, response: BaseHTTPResponse, deadline: Deadline, *, at_home: bool) -> Answer:
    status = response.status
    if status not in exchange.expected or (status == 401 and not at_home):
        _drain(response, deadline)
        if status in _BUSY:
            raise _Busy(status, _delay(response.headers))
        raise _refusal(exchange, status)
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise _unavailable(exchange, "it answers with a content coding that was not asked for")
    if exchange.streamed and status in _SUCCESS:
        return Answer(status=status, headers=response.headers, pieces=_Body(exchange, response, deadline))
    octets = _read(response, exchange.cap, deadline, what=exchange.name)
    return Answer(status=status, headers=response.headers, octets=octets)


def _read(response: BaseHTTPResponse, cap: int, deadline: Deadline, *, what: str) -> bytes:
    """At most one byte more than the cap; what is announced is read in one piece, which nobody has to copy."""
    announced = _number(response.headers.get("Content-Length", ""))
    wanted = cap + 1 if announced is None else min(cap + 1, max(announced, 1))
    pieces: list[bytes] = []
    try:
        while wanted > 0 and (piece := response.read(min(_CHUNK, wanted), decode_content=False)):
            pieces.append(piece)
            wanted -= len(piece)
            deadline.remaining(what)
    except (HTTPError, OSError, ValueError) as error:
        raise _TransportFault(type(error).__name__) from None
    return b"".join(pieces)


def _drain(response: BaseHTTPResponse, deadline: Deadline) -> None:
    """Read a short body that nobody needs, so that the connection can be used again; a long one is cut off."""
    announced = _number(response.headers.get("Content-Length", ""))
    if announced is not None and announced <= _DRAINED:
        _read(response, _DRAINED, deadline, what="an answer that is not needed")


def _delay(headers: Mapping[str, str]) -> int | None:
    """The seconds of `Retry-After`; one that is a date counts from the registry's own (RFC 9110 section 10.2.3)."""
    written = headers.get("Retry-After", "")
    try:
        until, now = (parsedate_to_datetime(text) for text in (written, headers.get("Date", "")))
        return max(0, math.ceil((until - now).total_seconds()))
    except (TypeError, ValueError, OverflowError):
        return _number(written)


def _is_worth_waiting(busy: _Busy, exchange: Exchange, deadline: Deadline) -> bool:
    left = deadline.remaining(exchange.name)
    return busy.seconds is not None and exchange.may_repeat and busy.seconds < left


def _number(text: str) -> int | None:
    usable = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if usable else None


def _address_refused(exchange: Exchange, url: str, error: AddressRefused) -> AssayError:
    if not same_host(url, exchange.url):
        return _unavailable(exchange, f"it redirects to a host that is not public: {error}")
    return InvalidInput(
        "registry_not_configured",
        f"{urlsplit(url).netloc} is not a public host and not configured: {error}",
        remedy="have the registry added to the configuration",
    )


def _refusal(exchange: Exchange, status: int) -> AssayError:
    if status in {401, 403}:
        return Unavailable(
            "registry_denied",
            f"{exchange.name} was refused with status {status}",
            remedy="check that the repository exists and that the credential for its registry may be used for this",
        )
    if not exchange.reads and 400 <= status < 500 and status not in {408, 429}:
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


def _interrupted(exchange: Exchange, fault: _TransportFault) -> Interrupted:
    return Interrupted(
        "registry_unavailable", f"{exchange.name} failed: {fault}", remedy="repeat the call when the registry is well"
    )
