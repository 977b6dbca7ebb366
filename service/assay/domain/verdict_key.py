"""What a verdict on evidence depends on, so that it may serve whoever asks the same again."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter

from assay.domain.decision import PolicyIdentity
from assay.domain.digest import Digest
from assay.domain.evidence_format import EvidenceFormat
from assay.domain.limit import Limits
from assay.domain.reference import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictKey:
    """Everything that determines the documents about an artefact, but for the evidence that lies beside it.

    `digest` is that of the index, or of the image that stands alone: all its platforms are judged together.
    `repository` is part of it because an allow of one repository must not serve another. `since` is the last moment
    at which a rule changed, so that an effective date that comes makes another key. `reader` names the credentials
    the evidence was read with, empty for those of the installation. `waivers` and `feeds` are revisions, empty as long
    as there are none. `revision` stands for what else turns evidence into documents: code of the release, settings.
    `epoch` changes when somebody clears what is kept, or a registry tells of a push to the repository.
    """

    repository: Repository
    digest: Digest
    tenant: str
    environment: str
    policy: PolicyIdentity
    since: datetime
    reader: str
    waivers: str
    feeds: str
    limits: Limits
    formats: frozenset[EvidenceFormat]
    revision: Digest
    epoch: str
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # It is looked up again and again, and has some sixty values below it.
        object.__setattr__(self, "_hash", hash(_determining(self)))

    def __hash__(self) -> int:
        """Worked out once."""
        return self._hash


_determining = attrgetter(*(item.name for item in fields(VerdictKey) if item.compare))
