"""Requests that are here as a whole, and the heads that come again and again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assay.domain.http_call import HttpCall
from assay.domain.recent import Recent

_LONGEST_HEAD = 2048
_MOST_HEADS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What gunicorn's parser made of a head: `octets` are the length of its body, `closes` the end of the connection.

    `content_type` is empty when none was told; gunicorn refuses two.
    """

    method: str
    path: str
    query: str
    content_type: str
    octets: int
    closes: bool

    @classmethod
    def of(cls, request: Any, octets: int) -> "Head":  # noqa: ANN401  # the library is untyped
        """The head of gunicorn's request."""
        return cls(
            method=request.method,
            path=request.path,
            query=request.query or "",
            content_type=next((value for name, value in request.headers if name == "CONTENT-TYPE"), ""),
            octets=octets,
            closes=request.should_close(),
        )


class HeadBook:
    """The latest heads of requests, by who sent them and their very bytes; for one thread.

    An API server sends the same head with each body of one length. gunicorn's parser judges every head that is new, and
    it judges a client by its address and nothing else.
    """

    def __init__(self) -> None:
        self._heads: Recent[tuple[object, bytes], Head] = Recent.of(_MOST_HEADS)

    def find(self, client: object, octets: bytes) -> Head | None:
        """What a head was found to be."""
        return self._heads.get((_address(client), octets))

    def keep(self, client: object, octets: bytes, head: Head) -> None:
        """Remember an ordinary head."""
        if len(octets) <= _LONGEST_HEAD:
            self._heads.put((_address(client), octets), head)


@dataclass(slots=True, kw_only=True)
class WholeRequest:
    """A request whose body is here, unless its head tells too much of it; `parse` gives gunicorn's own, to be read."""

    head: Head
    body: bytes
    parse: Callable[[], Any]

    @property
    def call(self) -> HttpCall | None:
        """The request as a call; None when its body is not here."""
        head = self.head
        if len(self.body) != head.octets:
            return None
        return HttpCall(
            method=head.method, path=head.path, query=head.query, content_type=head.content_type, body=self.body
        )


def _address(client: object) -> object:
    return client[0] if isinstance(client, tuple) else client
