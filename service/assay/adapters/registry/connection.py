"""HTTP connections that answer for their addresses and for the time their answers take.

`urllib3` limits the time between two bytes, not the time until an answer is complete, and connects to whatever a name
resolves to. Both are closed here, below the pool, where every request has to pass.
"""

import http.client
import io
import ipaddress
import socket
import ssl
import time
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection
from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.timeout import Timeout

from assay.adapters.registry.name_lookup import look_up
from assay.transport.address import AddressRefused
from assay.transport.deadline_reader import DeadlineReader

_POOLED_HOSTS = 16
_POOLED_CONNECTIONS = 8
_ADDRESSES_TRIED = 3
_IDLE_SECONDS = 5.0
_SHORTEST_SECONDS = 0.001
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


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


def open_pools(context: ssl.SSLContext | None, *, public_addresses_only: bool) -> PoolManager:
    """Open pools of kept connections; certificates are checked with `context`, which plain http does without.

    Those that are confined to public addresses speak https alone. No proxy and no credential of the environment is
    used.
    """
    pools = PoolManager(num_pools=_POOLED_HOSTS, maxsize=_POOLED_CONNECTIONS, ssl_context=context)
    pools.pool_classes_by_scheme = {"http": _PromptPool, "https": _PromptTlsPool}
    if public_addresses_only:
        pools.pool_classes_by_scheme = {"https": _PublicTlsPool}
    return pools


def trusting(authority: Path | None) -> ssl.SSLContext:
    """What certificates are checked with: the PEM file alone or, with None, the public authorities.

    Raises `OSError` for a file that cannot be read or holds none.
    """
    context = create_urllib3_context()
    context.load_verify_locations(authority or DEFAULT_CA_BUNDLE_PATH)
    return context
