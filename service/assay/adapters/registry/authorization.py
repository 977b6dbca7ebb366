"""Who we are to a registry: Basic, or Bearer with tokens kept by what they are for."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.challenge import Challenge, parse_challenges
from assay.adapters.registry.exchange import Answer, Exchange, same_host
from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.reference import Repository
from assay.formats.strict_json import parse_json

_LARGEST_ANSWER = 128 * 1024
_LONGEST_TOKEN = 64 * 1024
_DEFAULT_SECONDS = 60.0
_MOST_SECONDS = 3600.0
_MARGIN_SECONDS = 10.0
_MOST_TOKENS = 1000
_TOKEN_REFUSALS = frozenset({400, 401, 403, 404, 405})

Send = Callable[[Exchange, Deadline], Answer]


class CredentialSource(Protocol):
    """Knows which credential belongs to which registry."""

    def find(self, registry: str, deadline: Deadline) -> Credential | None:
        """The credential for exactly this host and port; raises `Unavailable` and `InvalidInput` only."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is to be done: actions (`pull`, `push`) in one repository, and reading another one to mount from."""

    repository: Repository
    actions: str = "pull"
    mounted_from: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The scopes as token services know them."""
        own = f"repository:{self.repository.path}:{self.actions}"
        return (own, f"repository:{self.mounted_from}:pull") if self.mounted_from else (own,)


_Key = tuple[Scope, Credential | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    header: str = field(repr=False)
    until: float


class AuthorizedTransport:
    """Sends exchanges, and answers the challenge when a registry wants to know who asks.

    Guaranteed: a credential goes to the registry it belongs to, or to a host that may issue that registry's tokens
    (`RegistryAccess.may_issue_tokens`) over https, and nowhere else; no redirect is followed with it. A token is asked
    for the scope of the exchange, whatever the challenge says, kept for its time (60 s when none is given) and thrown
    away when the registry refuses it. One instance may be shared by threads and used after a fork.
    """

    def __init__(
        self, *, send: Send, access: RegistryAccess, credentials: CredentialSource, count: Callable[[str], None]
    ) -> None:
        self._send = send
        self._access = access
        self._credentials = credentials
        self._count = count
        self._lock = Lock()
        self._challenges: dict[str, Challenge] = {}
        self._tokens: dict[_Key, _Token] = {}

    def send(self, exchange: Exchange, scope: Scope, deadline: Deadline) -> Answer:
        """Send the exchange, once more after a 401.

        Raises what the transport raises, `Unavailable(registry_denied)` when the registry does not take who we are,
        `InvalidInput(realm_refused)` before anything is sent to a token host that may not issue its tokens.
        """
        registry = scope.repository.registry
        header, known = "", self._challenges.get(registry)
        if known is not None:
            header = self._header(known, exchange.url, scope, self._credentials.find(registry, deadline), deadline)
        answer = self._send(exchange.authorized(header).accepting(401), deadline)
        if answer.status != 401:
            return answer
        credential = self._credentials.find(registry, deadline)
        self._forget(scope, credential, refused=header)
        challenge = _usable(answer, exchange, credential)
        fresh = self._header(challenge, exchange.url, scope, credential, deadline)
        if fresh == header:
            raise _denied(exchange, "the registry does not take the credential")
        answered = self._send(exchange.authorized(fresh), deadline)
        self._challenges[registry] = challenge
        return answered

    def _header(
        self, challenge: Challenge, url: str, scope: Scope, credential: Credential | None, deadline: Deadline
    ) -> str:
        if challenge.scheme == "basic":
            return _basic(credential) if credential else ""
        with self._lock:
            token = self._tokens.get((scope, credential))
        if token is None or token.until <= deadline.clock():
            token = self._fetch_token(challenge, url, scope, credential, deadline)
            with self._lock:
                self._tokens.pop((scope, credential), None)
                self._tokens[scope, credential] = token
                if len(self._tokens) > _MOST_TOKENS:
                    self._tokens.pop(next(iter(self._tokens)))
        return token.header

    def _forget(self, scope: Scope, credential: Credential | None, *, refused: str) -> None:
        with self._lock:
            kept = self._tokens.get((scope, credential))
            if kept is not None and kept.header == refused:
                del self._tokens[scope, credential]

    def _fetch_token(
        self, challenge: Challenge, url: str, scope: Scope, credential: Credential | None, deadline: Deadline
    ) -> _Token:
        realm = challenge.parameters.get("realm", "")
        self._check_realm(realm, url, scope.repository.registry)
        asked = deadline.clock()
        self._count("token")
        request = _token_request(realm, url, challenge, scope, credential)
        answer = self._send(request, deadline)
        if answer.status != 200:
            raise _denied(request, f"its answer is {answer.status}")
        return _parse_token(answer, asked, what=f"the token service of {scope.repository.registry}")

    def _check_realm(self, realm: str, url: str, registry: str) -> None:
        try:
            parts = urlsplit(realm)
            netloc = parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")
            usable = parts.port != 0 and "@" not in netloc and not parts.fragment and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable or not realm.isascii() or not realm.isprintable() or " " in realm:
            raise _realm_refused(registry, "it is no address")
        plain = url.startswith("http:") and (same_host(realm, url) or self._access.is_plain(netloc))
        if parts.scheme != "https" and not (parts.scheme == "http" and plain):
            raise _realm_refused(registry, f"{netloc[:100]} is not asked over https")
        if not self._access.may_issue_tokens(netloc, registry=registry):
            raise _realm_refused(registry, f"{netloc[:100]} is another site")


def _token_request(realm: str, url: str, challenge: Challenge, scope: Scope, credential: Credential | None) -> Exchange:
    service = challenge.parameters.get("service", "")
    asked = [("service", service)] if service else []
    expected, confined = frozenset({200}) | _TOKEN_REFUSALS, not same_host(realm, url)
    if credential is not None and credential.identity_token:
        form = [*asked, ("scope", " ".join(scope.texts)), ("grant_type", "refresh_token"), ("client_id", "assay")]
        return Exchange(
            method="POST",
            url=realm,
            expected=expected,
            cap=_LARGEST_ANSWER,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode([*form, ("refresh_token", credential.secret)]).encode(),
            confined=confined,
        )
    query = urlencode([*asked, *(("scope", text) for text in scope.texts)])
    return Exchange(
        method="GET",
        url=f"{realm}{'&' if '?' in realm else '?'}{query}",
        expected=expected,
        cap=_LARGEST_ANSWER,
        confined=confined,
        authorization=_basic(credential) if credential else "",
    )


def _usable(answer: Answer, exchange: Exchange, credential: Credential | None) -> Challenge:
    """The challenge to answer: Bearer before Basic, which is of use with a user name and password only."""
    offered = {item.scheme: item for item in parse_challenges(answer.headers.get("WWW-Authenticate", ""))}
    if "bearer" in offered:
        return offered["bearer"]
    if "basic" in offered and credential is not None and not credential.identity_token:
        return offered["basic"]
    raise _denied(exchange, "no credential of ours answers its challenge" if offered else "it names no challenge")


def _basic(credential: Credential) -> str:
    return f"Basic {base64.b64encode(f'{credential.username}:{credential.secret}'.encode()).decode()}"


def _parse_token(answer: Answer, asked: float, *, what: str) -> _Token:
    try:
        document = parse_json(answer.octets, what=what, largest=_LARGEST_ANSWER)
    except InvalidInput:
        document = None  # the parser's message could quote a token
    members = document if isinstance(document, dict) else {}
    token = members.get("token") or members.get("access_token")
    if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN or not _is_token(token):
        raise Unavailable("registry_unavailable", f"{what} answers with no token", remedy="repeat the call later")
    seconds = members.get("expires_in")
    usable = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds > 0
    lifetime = min(float(seconds), _MOST_SECONDS) if usable and seconds is not None else _DEFAULT_SECONDS
    return _Token(header=f"Bearer {token}", until=asked + lifetime - min(_MARGIN_SECONDS, lifetime / 2))


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _denied(exchange: Exchange, why: str) -> Unavailable:
    return Unavailable(
        "registry_denied",
        f"{exchange.name} was refused: {why}",
        remedy="log in to the registry, or configure a credential for exactly this host",
    )


def _realm_refused(registry: str, why: str) -> InvalidInput:
    return InvalidInput(
        "realm_refused",
        f"{registry} wants credentials sent to a token service that may not have them: {why}",
        remedy="when this is right, name the token service's host under `token_hosts` of the registry",
    )
