"""HTTP client of the verification service."""

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError, InvalidInput, Unavailable
from assay.domain.gate import GateAnswer, GateQuestion
from assay.formats.gate import parse_gate_answer, render_gate_question
from assay.formats.member import Members
from assay.formats.strict_json import parse_json
from assay.transport.session import DirectSession, read_body

_LARGEST_ANSWER = 64 * 1024 * 1024
_CONNECT_SECONDS = 2.0
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class HttpServiceClient:
    """Asks one service; sends its token to that service alone and follows no redirect."""

    def __init__(self, url: str, *, token: str = "", ca: str = "") -> None:
        scheme, host = _address(url)
        if token and scheme == "http" and host not in _LOOPBACK_HOSTS:
            raise ConfigError(
                "service_url_invalid", "a token is never sent over plain http to another machine", remedy="use https"
            )
        if not token.isascii() or any(not character.isprintable() or character == " " for character in token):
            raise ConfigError("token_unusable", "the token cannot be sent in a header", remedy="check the token file")
        self._url = url.rstrip("/")
        self._session = DirectSession(verify=ca or True)
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Close pooled connections."""
        self._session.close()

    def ask(self, question: GateQuestion, deadline: Deadline) -> GateAnswer:
        """Ask the gate; the answer is bound to the question's artefact or it is refused (`answer_invalid`)."""
        body = self._call(
            "POST", "/v1/gate", deadline, body=render_gate_question(question), content_type="application/json"
        )
        answer = parse_gate_answer(body, largest=_LARGEST_ANSWER)
        if answer.artefact != question.artefact or answer.environment != question.environment:
            raise InvalidInput(
                "answer_invalid", "the answer is about another artefact or environment", remedy="do not publish"
            )
        return answer

    def get(self, path: str, parameters: Mapping[str, str], deadline: Deadline) -> object:
        """The JSON answer of a read path."""
        body = self._call("GET", path, deadline, parameters=parameters)
        return parse_json(body, what="the answer", largest=_LARGEST_ANSWER)

    def get_text(self, path: str, deadline: Deadline) -> str:
        """The text answer of a read path."""
        try:
            return self._call("GET", path, deadline).decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInput(
                "answer_invalid", "the answer is no text", remedy="use client and service of one release"
            ) from error

    def _call(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        body: bytes = b"",
        content_type: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> bytes:
        left = deadline.remaining("the answer of the service")
        try:
            with self._session.request(
                method,
                f"{self._url}{path}",
                params=parameters,
                data=body or None,
                headers={"Content-Type": content_type} if content_type else {},
                timeout=(min(_CONNECT_SECONDS, left), left),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = read_body(
                    response.raw,
                    largest=_LARGEST_ANSWER,
                    go_on=partial(deadline.remaining, "the answer of the service"),
                    decode_content=True,
                )
                status = response.status_code
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _unavailable(self._url, type(error).__name__) from error
        if len(content) > _LARGEST_ANSWER:
            raise _unavailable(self._url, "its answer is too large")
        if status != requests.codes.ok:
            raise _problem(content, self._url, status)
        return content


def _address(url: str) -> tuple[str, str]:
    """Scheme and host of a service URL; `ConfigError(service_url_invalid)`, which never repeats a password."""
    try:
        parts = urlsplit(url)
        scheme, host, usable = parts.scheme, parts.hostname or "", parts.port != 0
    except ValueError:
        scheme, host, usable = "", "", False
    if scheme not in {"http", "https"} or not host or not usable or "@" in url or parts.query or parts.fragment:
        raise ConfigError(
            "service_url_invalid", "the service's URL cannot be used", remedy="write https://HOST[:PORT], nothing else"
        )
    return scheme, host


def _unavailable(url: str, why: str) -> Unavailable:
    return Unavailable(
        "service_unavailable", f"the service at {url} gave no answer ({why})", remedy="check that it runs, then repeat"
    )


def _problem(content: bytes, url: str, status: int) -> AssayError:
    try:
        members = Members(
            parse_json(content, what="the problem document", largest=_LARGEST_ANSWER), place="problem", code="problem"
        )
        code, detail = members.text("code"), members.text("detail", longest=8192)
        remedy, retryable = members.text("remedy", longest=8192), members.flag("retryable")
        part = members.text("part", "")
    except InvalidInput:
        return _unavailable(url, f"HTTP status {status} without a problem document")
    detail = f"{detail} (damaged part: {part})" if part else detail
    return Unavailable(code, detail, remedy=remedy) if retryable else InvalidInput(code, detail, remedy=remedy)
