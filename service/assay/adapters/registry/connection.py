"""HTTP connections that answer for their addresses and for the time their answers take.

`requests` limits the time between two bytes, not the time until an answer is complete, and connects to whatever a name
resolves to. Both are closed here, below the session, where every request has to pass.
"""

import http.client
import io
import ipaddress
import socket
import time
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection
from urllib3.util.timeout import Timeout

from assay.adapters.registry.name_lookup import look_up
from assay.transport.deadline_reader import DeadlineReader
from assay.transport.session import DirectSession

_POOLED_HOSTS = 16
_POOLED_CONNECTIONS = 8
_ADDRESSES_TRIED = 3
_IDLE_SECONDS = 5.0
_SHORTEST_SECONDS = 0.001
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """A host resolves to an address that requests from outside must not reach."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, also when IPv6 wraps an IPv4 address."""
    ip = _unwrapped(address)
    return ip.is_global and not ip.is_multicast


def is_possible(address: str) -> bool:
    """Whether a registry can have this address at all: metadata services and the like live on link-local ones."""
    ip = _unwrapped(address)
    return not (ip.is_link_local or ip.is_multicast or ip.is_unspecified)


def _unwrapped(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return ip.ipv4_mapped or ip.sixtofour or ip
    return ip


class _PromptResponse(http.client.HTTPResponse):
    """An answer whose head and body have to be complete within the read timeout, however they trickle.

    An answer to an upload may let us wait: the registry reads it all before it says a word.
    """

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        seconds = sock.gettimeout() or _IDLE_SECONDS
        idle = _IDLE_SECONDS if method in {"GET", "HEAD"} else seconds
        self.fp = io.BufferedReader(DeadlineReader(self.fp.detach(), sock, seconds=seconds, idle=idle))


class _PromptConnection(HTTPConnection):
    response_class = _PromptResponse

    def _new_conn(self) -> socket.socket:
        return _dial(self, public=False)


class _PromptTlsConnection(HTTPSConnection):
    response_class = _PromptResponse

    def _new_conn(self) -> socket.socket:
        return _dial(self, public=False)


class _PublicTlsConnection(_PromptTlsConnection):
    """A TLS connection to a public address: the address that was checked is the one connected to."""

    def _new_conn(self) -> socket.socket:
        return _dial(self, public=True)


def _dial(connection: HTTPConnection, *, public: bool) -> socket.socket:
    """Connect to the first address that answers; the name and all addresses together have the connect timeout."""
    seconds = Timeout.resolve_default_timeout(connection.timeout) or _IDLE_SECONDS
    until = time.monotonic() + seconds
    try:
        addresses = look_up(connection.host.strip("[]"), connection.port, seconds=seconds)
    except OSError as error:
        raise NameResolutionError(connection.host, connection, socket.gaierror(str(error))) from error
    acceptable = is_public if public else is_possible
    refused = [address for address in addresses if not acceptable(address)]
    if refused:
        raise AddressRefused(f"{connection.host} has the address {refused[0]}")
    failure: OSError | None = None
    for tried, address in enumerate(addresses := addresses[:_ADDRESSES_TRIED]):
        left = max(until - time.monotonic(), _SHORTEST_SECONDS) / (len(addresses) - tried)
        try:
            return create_connection((address, connection.port), left, socket_options=connection.socket_options)
        except OSError as error:
            failure = error
    raise NewConnectionError(connection, "no connection to any of its addresses") from failure


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


class _Session(DirectSession):
    """A session that follows nothing, keeps nothing and takes nothing from the environment."""

    def __init__(self, adapter: HTTPAdapter, certificate_authority: Path | None) -> None:
        super().__init__(verify=str(certificate_authority) if certificate_authority else True)
        self.headers.clear()
        self.headers.update({"User-Agent": "assay", "Accept-Encoding": "identity"})
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("https://", adapter)
        self.mount("http://", adapter)


def open_session(*, certificate_authority: Path | None, public_addresses_only: bool) -> requests.Session:
    """Open a pooled session; one that is confined to public addresses speaks https only.

    No proxy, credential or authority of the environment is used and no cookie is kept.
    """
    pools: dict[str, type[HTTPConnectionPool]] = {"http": _PromptPool, "https": _PromptTlsPool}
    if public_addresses_only:
        pools = {"https": _PublicTlsPool}
    return _Session(_GuardedAdapter(pools), certificate_authority)
