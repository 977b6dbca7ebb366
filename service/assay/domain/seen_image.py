"""Images that somebody will probably ask about, and where they were seen."""

from dataclasses import dataclass
from enum import StrEnum

from assay.domain.artefact import Artefact


class Sighting(StrEnum):
    """Where an image was seen (closed set; the label of a metric)."""

    NOTIFICATION = "notification"
    REPLICA_SET = "replica_set"
    DECISION = "decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenImage:
    """An image by its canonical repository and digest, and where it was seen.

    `tenant` and `environment` say who will ask. Both are empty where that is not known: then it may be any of them.
    One without the other cannot be built (`ValueError`).
    """

    artefact: Artefact
    why: Sighting
    tenant: str = ""
    environment: str = ""

    def __post_init__(self) -> None:
        if bool(self.tenant) != bool(self.environment):
            raise ValueError("a tenant goes with an environment")
