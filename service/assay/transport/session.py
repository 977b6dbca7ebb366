"""Sessions that go nowhere by themselves, and bodies that end."""

from collections.abc import Callable

import requests
from urllib3 import BaseHTTPResponse

_CHUNK = 64 * 1024


class DirectSession(requests.Session):
    """A session that does not look where a redirect leads and, unless told to, takes nothing from the environment.

    With `environment` its proxies and authorities count; `verify` is True or the path of the only authority.
    """

    def __init__(self, *, verify: str | bool = True, environment: bool = False) -> None:
        super().__init__()
        self.trust_env = environment
        self.verify = verify

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002  # the parent's signature
        """None: `requests` would read the body of a redirect without any cap before it hands the answer over."""
        return None


def read_body(
    raw: BaseHTTPResponse, *, largest: int, go_on: Callable[[], object], decode_content: bool = False
) -> bytes:
    """The body of an answer; of one that is longer than `largest` bytes a beginning that is longer, too.

    `go_on` is called after each piece and raises when there is no time left, so that a body that trickles ends.
    """
    received = bytearray()
    while len(received) <= largest and (piece := raw.read1(_CHUNK, decode_content=decode_content)):
        received += piece
        go_on()
    return bytes(received)
