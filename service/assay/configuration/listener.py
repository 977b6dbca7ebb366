"""Where a server listens, and when that needs TLS."""

import ipaddress
from dataclasses import dataclass

from assay.configuration.section import parse_decimal, refuse

_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A TCP address (`host`, `port`; port 0 takes a free one) or, with `unix_path`, a unix socket."""

    host: str = ""
    port: int = 0
    unix_path: str = ""

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it: a unix socket or a loopback address."""
        return bool(self.unix_path) or ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.unix_path}" if self.unix_path else f"{host}:{self.port}"


def parse_address(text: str, *, place: str) -> Address:
    """Parse `unix:PATH`, `127.0.0.1:8700` or `[::1]:8700`; names are refused, they could resolve to anything."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path:
            raise refuse(place, "the socket has no path", "write unix:PATH")
        return Address(unix_path=path)
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise refuse(place, f"{text[:80]!r} is not an address", "write an IP address and port, or unix:PATH") from error
    number = parse_decimal(port, highest=_HIGHEST_PORT)
    if number is None:
        raise refuse(place, f"{text[:80]!r} has no usable port", "write ADDRESS:PORT, port 0 for a free one")
    return Address(host=host, port=number)


def is_local_host(host: str) -> bool:
    """Whether a host, as an address writes it without brackets, is this machine itself: loopback or `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
