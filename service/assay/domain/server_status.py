"""What a web server tells the application behind it."""

from dataclasses import dataclass

SERVER_STATUS = "assay.server"
"""The key of the WSGI environment under which a `ServerStatus` stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """The state of the server at one request.

    `draining` is true once it was told to end; `warnings` names what works and needs somebody all the same;
    `waited_seconds` have passed since the request had arrived as a whole.
    """

    draining: bool = False
    warnings: tuple[str, ...] = ()
    waited_seconds: float = 0.0
