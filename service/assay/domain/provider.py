"""What a client asks that knows images and nothing of the request they are for."""

from dataclasses import dataclass
from enum import StrEnum

from assay.domain.reference import Reference

LARGEST_PROVIDER_REQUEST = 64 * 1024
"""How many bytes a request may have: twice as much as its keys can have."""


class Purpose(StrEnum):
    """What an answer is used for: to deny what may not run, or to pin what may."""

    VALIDATE = "validate"
    MUTATE = "mutate"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderQuestion:
    """Images that a client asks about, each on its own; `client` is the name that its certificate proved.

    `ValueError` when a reference stands there twice.
    """

    purpose: Purpose
    client: str
    references: tuple[Reference, ...]

    def __post_init__(self) -> None:
        if len(set(self.references)) != len(self.references):
            raise ValueError("a reference must not be asked for twice")
