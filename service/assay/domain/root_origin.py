"""Where a trust root came from, and until when it is believed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RootSource(StrEnum):
    """How a trust root got here."""

    FILE = "file"
    SHIPPED = "shipped"
    TUF = "tuf"


@dataclass(frozen=True, slots=True, kw_only=True)
class RootOrigin:
    """The origin of a trust root: `place` is a path or an address.

    `fetched_at` is when the document was last confirmed by its repository (the day it was taken over, for the one
    that comes with Assay); `trusted_until` the last moment at which it counts. Both are None where nothing refreshes
    it. `versions` are those of the TUF roles that vouch for it, by role.
    """

    source: RootSource
    place: str
    fetched_at: datetime | None = None
    trusted_until: datetime | None = None
    versions: tuple[tuple[str, int], ...] = ()
