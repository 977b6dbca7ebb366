"""Rekor and timestamp authorities over HTTP: one deadline, capped answers, no redirect."""

from collections.abc import Callable, Sequence
from functools import partial

import requests
from rfc3161_client import TimestampRequestBuilder
from rfc3161_client.base import HashAlgorithm
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.formats.bundle import Vouchers
from assay.formats.signing_config import Service
from assay.transport.session import DirectSession, read_body
from assay.verification.log_body import LoggedSignature
from assay.verification.log_submission import parse_entry, render_submission

_LARGEST = 8 * 1024 * 1024
_CONNECT_SECONDS = 5.0
_READ_SECONDS = 30.0
"""A tiled log answers when the entry is in its tree, which may take seconds."""
_OK, _CLIENT_ERROR, _SERVER_ERROR, _TOO_MANY = 200, 400, 500, 429
Begin = Callable[[], Deadline]
_PATHS = {1: "/api/v1/log/entries", 2: "/api/v2/log/entries"}


class ServiceWitness:
    """Has every named log enter a signature and every named authority stamp it; implements the port `Witness`.

    Guaranteed: all of them, or an error; nothing of their answers is verified. Nothing secret is sent. `begin` gives
    the deadline of each signature.
    """

    def __init__(
        self, *, logs: Sequence[Service], timestamp_authorities: Sequence[Service], begin: Begin, limits: Limits
    ) -> None:
        self._logs = logs
        self._authorities = timestamp_authorities
        self._begin = begin
        self._limits = limits

    def vouch(self, logged: LoggedSignature) -> Vouchers:
        """Timestamps and log entries for a signature; the stamps first, so that they are not later than the entries.

        Raises `Unavailable(sigstore_unavailable)`, `InvalidInput(sigstore_refused | key_unsupported)`.
        """
        deadline = self._begin()
        stamps = tuple(self._stamp(authority, logged.signature, deadline) for authority in self._authorities)
        entries = tuple(self._enter(log, logged, deadline) for log in self._logs)
        return Vouchers(log_entries=entries, timestamps=stamps)

    def _enter(self, log: Service, logged: LoggedSignature, deadline: Deadline) -> dict[str, object]:
        body = render_submission(logged, version=log.version)
        answer = self._post(f"{log.url}{_PATHS[log.version]}", body, "application/json", deadline)
        try:
            return dict(parse_entry(answer, version=log.version, limits=self._limits))
        except InvalidInput as error:
            raise _failed(log.url, error.message) from error

    def _stamp(self, authority: Service, signature: bytes, deadline: Deadline) -> bytes:
        request = TimestampRequestBuilder(data=signature, hash_algorithm=HashAlgorithm.SHA256).build()
        return self._post(authority.url, request.as_bytes(), "application/timestamp-query", deadline)

    def _post(self, url: str, body: bytes, kind: str, deadline: Deadline) -> bytes:
        left = deadline.remaining(f"the answer of {url}")
        try:
            with (
                # One session for one call: logs close idle connections when they like.
                DirectSession(environment=True) as session,
                session.post(
                    url,
                    data=body,
                    headers={"Content-Type": kind, "User-Agent": "assay", "Accept-Encoding": "identity"},
                    auth=_anonymous,
                    timeout=(min(_CONNECT_SECONDS, left), min(_READ_SECONDS, left)),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                content = _read(response.raw, url, deadline)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _failed(url, type(error).__name__) from error
        _require_success(url, response.status_code)
        return content


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send it as it is: without an answer to how to log in, `requests` would take a password out of `~/.netrc`."""
    return request


def _read(raw: BaseHTTPResponse, url: str, deadline: Deadline) -> bytes:
    content = read_body(raw, largest=_LARGEST, go_on=partial(deadline.remaining, f"the answer of {url}"))
    if len(content) > _LARGEST:
        raise _failed(url, f"its answer has more than {_LARGEST} bytes")
    return content


def _require_success(url: str, status: int) -> None:
    if _CLIENT_ERROR <= status < _SERVER_ERROR and status != _TOO_MANY:
        raise InvalidInput(
            "sigstore_refused",
            f"{url} refuses with status {status}",
            remedy="check that the service knows this kind of key and statement",
        )
    if not _OK <= status < _OK + 100:
        raise _failed(url, f"HTTP status {status}")


def _failed(url: str, why: str) -> Unavailable:
    return Unavailable(
        "sigstore_unavailable",
        f"{url} did not vouch for the signature: {why}",
        remedy="repeat; look at the services of the signing config",
    )
