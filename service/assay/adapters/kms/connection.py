"""HTTP to a key service: one host, JSON both ways, everything limited.

No redirect is followed, no proxy, cookie or credential of the environment is used, and plain http is spoken to
loopback alone, because what is sent carries a credential.
"""

import http
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import requests
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from assay.adapters.kms.answer import Answer, refuse_answer
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, InvalidInput, Unavailable
from assay.formats.strict_json import parse_json
from assay.transport.session import DirectSession, read_body

_LARGEST = 1024 * 1024
_HEADERS = {"User-Agent": "assay", "Accept-Encoding": "identity"}
_CONNECT_SECONDS = 2.0
_READ_SECONDS = 10.0
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
_DENIED = frozenset({http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN})


class KmsConnection:
    """Calls one key service; `service` is its name in messages."""

    def __init__(self, address: str, *, service: str, certificate_authority: Path | None = None) -> None:
        require_safe_address(address, service=service)
        self.service = service
        self._address = address.rstrip("/")
        self._verify: str | bool = str(certificate_authority) if certificate_authority else True

    def call(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> tuple[int, Answer]:
        """Status and JSON object of an answer; a body that is no object is an empty one unless the status is 200.

        Raises `Unavailable`: `kms_unavailable`, `kms_denied` for 401 and 403, `kms_answer_invalid` for a redirect,
        more than 1 MiB, or something else than JSON where JSON was promised.
        """
        left = deadline.remaining(f"the answer of {self.service}")
        try:
            with (
                # One session for one call: calls are rare, and a connection must not survive a fork.
                DirectSession(verify=self._verify) as session,
                session.request(
                    method,
                    f"{self._address}{path}",
                    data=body,
                    headers={**_HEADERS, **headers},
                    timeout=(min(_CONNECT_SECONDS, left), min(_READ_SECONDS, left)),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                status = response.status_code
                content = self._read(response.raw, deadline)
        except (requests.RequestException, HTTPError, OSError) as error:
            # The name of the fault alone: its text may repeat the address with everything in it.
            raise self.unavailable(type(error).__name__) from error
        if status in _DENIED:
            raise denied(self.service, f"HTTP status {status}")
        if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR or status == http.HTTPStatus.TOO_MANY_REQUESTS:
            raise self.unavailable(f"HTTP status {status}")
        if http.HTTPStatus.MULTIPLE_CHOICES <= status < http.HTTPStatus.BAD_REQUEST:
            raise refuse_answer(self.service, f"it redirects (HTTP {status})")
        return status, self._parse(content, required=status == http.HTTPStatus.OK)

    def unavailable(self, why: str) -> Unavailable:
        """The error for a service that gave no answer."""
        return Unavailable(
            "kms_unavailable", f"{self.service} gave no answer: {why}", remedy="check the service, then repeat"
        )

    def _read(self, raw: BaseHTTPResponse, deadline: Deadline) -> bytes:
        go_on = partial(deadline.remaining, f"the answer of {self.service}")
        content = read_body(raw, largest=_LARGEST, go_on=go_on)
        if len(content) > _LARGEST:
            raise refuse_answer(self.service, f"it has more than {_LARGEST} bytes")
        return content

    def _parse(self, content: bytes, *, required: bool) -> Answer:
        try:
            document = parse_json(content, what="the answer", largest=_LARGEST, depth=16)
        except InvalidInput as error:
            if required:
                raise refuse_answer(self.service, error.message) from error
            document = {}
        return Answer(document if isinstance(document, dict) or required else {}, service=self.service)


def denied(service: str, why: str) -> Unavailable:
    """The error for a service that refuses this caller."""
    return Unavailable(
        "kms_denied",
        f"{service} refuses to answer: {why}",
        remedy="check the credential and what it may do: read the public key, sign",
    )


def render_body(members: Mapping[str, object]) -> bytes:
    """The JSON body of a call."""
    return json.dumps(members).encode("ascii")


def require_safe_address(address: str, *, service: str) -> None:
    """Refuse an address that is no https URL, or http to another machine; `ConfigError(kms_address_invalid)`."""
    try:
        parts = urlsplit(address)
        host, usable = parts.hostname or "", parts.port != 0
    except ValueError:
        raise _unsafe(service) from None
    plain = parts.scheme == "http" and host in _LOOPBACK_HOSTS
    if not (parts.scheme == "https" or plain) or not host or not usable:
        raise _unsafe(service)
    if "@" in address or parts.query or parts.fragment or not address.isascii() or not address.isprintable():
        raise _unsafe(service)


def _unsafe(service: str) -> ConfigError:
    return ConfigError(
        "kms_address_invalid",
        f"the address of {service} cannot be used",
        remedy="write https://HOST[:PORT]; http is for loopback alone",
    )


def scheme_of_host(host: str) -> str:
    """`http` for loopback, `https` for every other host."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return "http" if name.strip("[]") in _LOOPBACK_HOSTS else "https"
