"""A request to a registry, its answer, and the addresses in between."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self
from urllib.parse import SplitResult, urljoin, urlsplit

_READS = frozenset({"GET", "HEAD"})
_LONGEST_LOCATION = 8 * 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Body(Protocol):
    """A request body in pieces that can be sent more than once."""

    def __len__(self) -> int:
        """The number of bytes."""
        ...

    def __iter__(self) -> Iterator[bytes | memoryview]:
        """All of it, in pieces."""
        ...


class Pieces(Protocol):
    """Bytes as they arrive, unchecked."""

    def __iter__(self) -> Iterator[bytes]:
        """Itself."""
        ...

    def __next__(self) -> bytes:
        """The next bytes, at least one."""
        ...

    def close(self) -> None:
        """Stop; what did not arrive yet is not wanted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and what may be answered.

    `expected` are the statuses handed back to the caller, `cap` the number of bytes of the answer that are of use.
    `leaves_host` allows redirects to another host, which is right for blobs only. `repeatable` says that sending it
    twice does no harm; reads always are. `confined` demands a public address unless the configuration names the host.
    `authorization` goes to the host of `url` and nowhere else. The body of a successful answer to a `streamed` one is
    handed over in pieces, as it arrives.
    """

    method: str
    url: str
    expected: frozenset[int]
    cap: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body | None = field(default=None, repr=False)
    leaves_host: bool = False
    repeatable: bool = False
    confined: bool = False
    streamed: bool = False
    authorization: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """Method and address without the query, which may carry a credential."""
        parts = urlsplit(self.url)
        return f"{self.method} {parts.netloc}{parts.path}"

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method in _READS

    @property
    def may_repeat(self) -> bool:
        """Whether it may be sent a second time."""
        return self.repeatable or self.reads

    def authorized(self, authorization: str) -> Self:
        """The same exchange with this `Authorization`; an empty one is not sent."""
        return replace(self, authorization=authorization)

    def accepting(self, *statuses: int) -> Self:
        """The same exchange with more statuses that are handed back."""
        return replace(self, expected=self.expected | frozenset(statuses))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with an expected status.

    `octets` holds at most `cap + 1` bytes: more than `cap` means that the body is longer than the caller allows. An
    answer in `pieces` has none; reading them raises what sending raises, and its connection is busy until they end or
    are closed.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    octets: bytes = field(default=b"", repr=False)
    pieces: Pieces | None = field(default=None, repr=False)


def resolve_location(url: str, location: str) -> str | None:
    """The absolute address a `Location` or `Link` means, or None when it is not a plain http(s) address."""
    if not 0 < len(location) <= _LONGEST_LOCATION or not location.isascii() or not location.isprintable():
        return None
    try:
        target = urljoin(url, location)
        parts = urlsplit(target)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not usable or "@" in parts.netloc or " " in target:
        return None
    return target


def same_host(url: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port."""
    return url == other or _origin(urlsplit(url)) == _origin(urlsplit(other))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
