"""What a web server tells the application behind it."""

from dataclasses import dataclass
from enum import StrEnum

SERVER_STATUS = "assay.server"
"""The key of the WSGI environment under which a `ServerStatus` stands."""


class Refusal(StrEnum):
    """Why a web server answered a request by itself.

    It took too long to arrive (408), has a body without a length (411), came when too much waited (503), or is none; or
    the application failed where it answers in the server's own loop (500).
    """

    SLOW = "slow"
    LENGTHLESS = "lengthless"
    BUSY = "busy"
    MALFORMED = "malformed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """The state of the server at one request.

    `draining` is true once it was told to end; `warnings` names what works and needs somebody all the same;
    `waited_seconds` have passed since the request had arrived as a whole.
    """

    draining: bool = False
    warnings: tuple[str, ...] = ()
    waited_seconds: float = 0.0
