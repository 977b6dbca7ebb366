"""A client for Go module proxies (Go modules reference, "GOPROXY protocol")."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import requests

from assay.domain.errors import ConfigError, InvalidInput, Unavailable

_ABSENT = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_PIECE = 256 * 1024
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyList:
    """The proxies of a GOPROXY value; `falls_back[i]` tells whether any failure of proxy i asks the next one."""

    urls: tuple[str, ...]
    falls_back: tuple[bool, ...]


def parse_proxy_list(value: str) -> ProxyList:
    """Parse a GOPROXY value.

    A trailing `direct` or `off` ends the list: the builder itself never talks to version control, so what no proxy
    has is missing. Raises `ConfigError(proxy_unusable)` when no proxy remains or one is not an http(s) URL.
    """
    if not value:
        raise _unusable("it is not set, and there is no go command that would know the default")
    urls: list[str] = []
    falls_back: list[bool] = []
    for entry, separator in re.findall(r"([^,|]+)([,|]?)", value):
        url = entry.strip().rstrip("/")
        if url in {"direct", "off"}:
            break
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise _unusable("one of its entries is not an http or https URL")
        urls.append(url)
        falls_back.append(separator == "|")
    if not urls:
        raise _unusable(f"{value[:40]!r} names no module proxy")
    return ProxyList(urls=tuple(urls), falls_back=tuple(falls_back))


def proxy_list_of(environment: Mapping[str, str]) -> ProxyList:
    """The proxies an environment asks for; `sum.golang.org` is the only checksum database."""
    if environment.get("GOSUMDB", "") not in {"", "sum.golang.org"}:
        raise ConfigError(
            "checksum_database_unusable",
            "GOSUMDB names another checksum database than sum.golang.org, or turns it off",
            remedy="unset GOSUMDB for `assay lock`",
        )
    return parse_proxy_list(environment.get("GOPROXY", ""))


class ProxyFetcher:
    """Reads files from the first proxy that has them.

    `proxies` is asked when the first file is fetched, so that a build whose inputs are all stored needs no proxy.
    `certificates` is a PEM file that replaces the authorities of the HTTP library.
    """

    def __init__(
        self,
        proxies: Callable[[], ProxyList],
        *,
        certificates: Path | None = None,
        read_seconds: float = _READ_SECONDS,
    ) -> None:
        self._proxies = cache(proxies)
        self._certificates = certificates
        self._timeouts = (_CONNECT_SECONDS, read_seconds)

    def fetch(self, path: str, *, largest: int) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of a file in pieces, at most `largest` of them.

        Not checked here: their digest. A missing file asks the next proxy, another failure only where the list says
        so. Raises `InvalidInput(input_unknown | input_too_large)` and `Unavailable(proxy_unavailable)`.
        """
        return self._fetch(path, largest)

    @contextmanager
    def _fetch(self, path: str, largest: int) -> Iterator[Iterator[bytes]]:
        with requests.Session() as session:
            session.verify = str(self._certificates) if self._certificates else True
            response = self._first_answer(session, path)
            try:
                yield _pieces(response, path, largest)
            finally:
                response.close()

    def _first_answer(self, session: requests.Session, path: str) -> requests.Response:
        failure: InvalidInput | Unavailable | None = None
        proxies = self._proxies()
        for url, falls_back in zip(proxies.urls, proxies.falls_back, strict=True):
            try:
                return self._answer(session, f"{url}/{path}", path)
            except InvalidInput as error:
                failure = error
            except Unavailable as error:
                failure = error
                if not falls_back:
                    break
        raise failure or _unavailable(path, "there is no proxy")

    def _answer(self, session: requests.Session, url: str, path: str) -> requests.Response:
        try:
            response = session.get(url, timeout=self._timeouts, stream=True, headers={"Accept-Encoding": "identity"})
        except requests.RequestException as error:
            raise _unavailable(path, type(error).__name__) from error
        if response.status_code == HTTPStatus.OK:
            return response
        response.close()
        if response.status_code in _ABSENT:
            raise InvalidInput(
                "input_unknown",
                f"the module proxy does not have {path}",
                remedy="check module and version, or the configured GOPROXY",
            )
        raise _unavailable(path, f"it answered {response.status_code}")


def _pieces(response: requests.Response, path: str, largest: int) -> Iterator[bytes]:
    size = 0
    try:
        for piece in response.iter_content(_PIECE):
            size += len(piece)
            if size > largest:
                raise InvalidInput(
                    "input_too_large",
                    f"the module proxy sends more than {largest} bytes for {path}",
                    remedy="check the configured GOPROXY",
                )
            yield piece
    except requests.RequestException as error:
        raise _unavailable(path, type(error).__name__) from error


def _unavailable(path: str, why: str) -> Unavailable:
    return Unavailable(
        "proxy_unavailable",
        f"the module proxy cannot be read for {path}: {why}",
        remedy="try again, or check the configured GOPROXY",
    )


def _unusable(why: str) -> ConfigError:
    return ConfigError("proxy_unusable", f"GOPROXY cannot be used: {why}", remedy="set GOPROXY to a module proxy's URL")
