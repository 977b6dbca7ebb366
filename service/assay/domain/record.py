"""What the decision log keeps of a decision, and what reading it back answers."""

from dataclasses import dataclass, field
from datetime import datetime

from assay.domain.decision import DecisionKind, Finding, PolicyIdentity, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import RecordPart
from assay.domain.evidence import Gap, Rejection


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class RecordedImage:
    """An image the verdict is bound to: canonical repository name and digest."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class FindingCount:
    """How many findings of one code had one status."""

    code: str
    status: Status
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """The content of one leaf of the log (`assay.leaf/v1`): digests and closed words only, no personal data.

    `time` is UTC with whole milliseconds. `input` and `report` are the digests of what the engine saw and of the full
    findings, gaps and rejections. `caller` is `hmac-sha256:<hex>` over the preimage under the record's salt.
    """

    id: str
    kind: DecisionKind
    time: datetime
    tenant: str
    environment: str
    images: tuple[RecordedImage, ...]
    verdict: Verdict
    retryable: bool
    dry_run: bool
    findings: tuple[FindingCount, ...]
    input: Digest
    report: Digest
    policy: PolicyIdentity
    evidence: tuple[Digest, ...]
    source_commit: str
    service_version: str
    caller: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDecision:
    """A decision as lists show it: its place in the log and its leaf."""

    index: int
    leaf: Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """A decision read back whole, every part of it checked against the signed log.

    `octets` are the bytes of the leaf, `proof` is their `.tlog-proof` text. `preimage` is None once it was deleted.
    """

    index: int
    leaf: Leaf
    octets: bytes = field(repr=False)
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]
    document: bytes = field(repr=False)
    preimage: bytes | None = field(repr=False)
    proof: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilter:
    """Which decisions to list; an empty or absent member does not restrict.

    `image` is a canonical repository name. `since` is inclusive, `until` exclusive. `code` is the code of a finding.
    """

    image: str = ""
    digest: Digest | None = None
    tenant: str = ""
    environment: str = ""
    verdict: Verdict | None = None
    kind: DecisionKind | None = None
    code: str = ""
    policy: Digest | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Damage:
    """One damaged part: of the decision `id` at `index`, or of the log itself when these are None and empty."""

    part: RecordPart
    index: int | None
    id: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage:
    """Decisions, newest first.

    `next` is the `before` of the following page, None on the last one. Rows that do not agree with their leaf are in
    `damages`, never in `decisions`. That a leaf is in the signed tree is checked when it is read by its id.
    """

    decisions: tuple[LoggedDecision, ...]
    damages: tuple[Damage, ...]
    next: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkPage:
    """What one stretch of re-hashing found; `next` is where to go on, None when `size` leaves were all checked."""

    next: int | None
    size: int
    damages: tuple[Damage, ...]
