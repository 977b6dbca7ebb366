"""Somebody takes the webhook out of the way of the cluster, or puts it back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assay.domain.errors import ConfigError

_LONGEST_REASON = 500
_LONGEST_NAME = 1000


class Action(StrEnum):
    """The two changes."""

    DISARM = "disarm"
    ARM = "arm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who armed or disarmed, when (UTC), and why; raises `ConfigError(reason_invalid)`."""

    action: Action
    by: str
    at: datetime
    reason: str

    def __post_init__(self) -> None:
        require_line("a reason", self.reason)
        if self.at.tzinfo is None or len(self.by) > _LONGEST_NAME:
            raise ValueError("a change has a time zone and a name of bounded length")


def require_line(what: str, text: str) -> None:
    """Refuse what says nothing or is no line; `ConfigError(reason_invalid)` naming it."""
    if not text.strip() or len(text) > _LONGEST_REASON or not text.isprintable():
        raise ConfigError(
            "reason_invalid",
            f"{what} is one line of 1 to {_LONGEST_REASON} characters",
            remedy="say why, for whoever reads the record later",
        )
