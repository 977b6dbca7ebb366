"""HTTP connections that answer for their addresses and for the time their heads take.

`requests` limits the time between two bytes, not the time until the head of an answer is complete, and connects to
whatever a name resolves to. Both are closed here, below the session, where every request has to pass.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from threading import Timer

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.response import HTTPResponse
from urllib3.util.connection import create_connection

_POOLED_HOSTS = 16
_POOLED_CONNECTIONS = 8
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """A host resolves to an address that requests from outside must not reach."""


@contextmanager
def cut_after(seconds: float, cut: Callable[[], object]) -> Iterator[None]:
    """Call `cut`, from another thread, when the block takes longer than this.

    `cut` is expected to end the block's I/O; it may find the connection closed or handed back already.
    """

    def cut_quietly() -> None:
        with suppress(OSError, RuntimeError, ValueError):
            cut()

    timer = Timer(seconds, cut_quietly)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, also when IPv6 wraps an IPv4 address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
    return ip.is_global and not ip.is_multicast


class _PromptConnection(HTTPConnection):
    """A connection whose answer must have its whole head within the read timeout."""

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 answers with its own type
        with _prompt(self):
            return super().getresponse()


class _PromptTlsConnection(HTTPSConnection):
    """The same over TLS."""

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 answers with its own type
        with _prompt(self):
            return super().getresponse()


class _PublicTlsConnection(_PromptTlsConnection):
    """A TLS connection to a public address: the address that was checked is the one connected to."""

    def _new_conn(self) -> socket.socket:
        host = self.host.strip("[]")
        try:
            found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        addresses = sorted({str(entry[4][0]) for entry in found})
        refused = [address for address in addresses if not is_public(address)]
        if refused:
            raise AddressRefused(f"{self.host} has the address {refused[0]}")
        try:
            return create_connection((addresses[0], self.port), self.timeout, socket_options=self.socket_options)
        except OSError as error:
            raise NewConnectionError(self, "no connection to its address") from error


@contextmanager
def _prompt(connection: HTTPConnection) -> Iterator[None]:
    held, seconds = connection.sock, connection.timeout
    if not isinstance(held, socket.socket) or not isinstance(seconds, (int, float)):
        raise NewConnectionError(connection, "the connection has no socket or no timeout")
    with cut_after(seconds, lambda: held.shutdown(socket.SHUT_RDWR)):
        yield


class _PromptPool(HTTPConnectionPool):
    ConnectionCls = _PromptConnection


class _PromptTlsPool(HTTPSConnectionPool):
    ConnectionCls = _PromptTlsConnection


class _PublicTlsPool(HTTPSConnectionPool):
    ConnectionCls = _PublicTlsConnection


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, pools: dict[str, type[HTTPConnectionPool]]) -> None:
        self._pools = pools
        super().__init__(pool_connections=_POOLED_HOSTS, pool_maxsize=_POOLED_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **_: object) -> None:  # noqa: FBT001, FBT002  # the parent's signature
        super().init_poolmanager(connections, maxsize, block)
        self.poolmanager.pool_classes_by_scheme = self._pools


class _Session(requests.Session):
    """A session that follows nothing, keeps nothing and takes nothing from the environment."""

    def __init__(self, adapter: HTTPAdapter, certificate_authority: Path | None) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = str(certificate_authority) if certificate_authority else True
        self.headers.clear()
        self.headers.update({"User-Agent": "assay", "Accept-Encoding": "identity"})
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002  # the parent's signature
        """None: `requests` would read the body of a redirect without any cap before it hands the answer over."""
        return None


def open_session(*, certificate_authority: Path | None, public_addresses_only: bool) -> requests.Session:
    """Open a pooled session; one that is confined to public addresses speaks https only.

    No proxy, credential or authority of the environment is used and no cookie is kept.
    """
    pools: dict[str, type[HTTPConnectionPool]] = {"http": _PromptPool, "https": _PromptTlsPool}
    if public_addresses_only:
        pools = {"https": _PublicTlsPool}
    return _Session(_GuardedAdapter(pools), certificate_authority)
