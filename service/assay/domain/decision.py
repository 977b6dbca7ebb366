"""Findings, verdicts and decisions."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from assay.domain.artefact import Artefact
from assay.domain.compressed import Compressed
from assay.domain.digest import Digest
from assay.domain.evidence import Gap, Rejection
from assay.domain.reason import is_retryable


class Stage(StrEnum):
    """The two stages of a decision: what depends on the artefact alone, and what depends on the request."""

    EVIDENCE = "evidence"
    REQUEST = "request"


class Verdict(StrEnum):
    """Indeterminate means that a fact was missing; it denies wherever policy is enforced."""

    ALLOW = "allow"
    DENY = "deny"
    INDETERMINATE = "indeterminate"


class Status(StrEnum):
    """What a finding says of its rule."""

    VIOLATION = "violation"
    WARNING = "warning"
    SHADOW = "shadow"
    PASS = "pass"  # noqa: S105  # the word of the result contract, not a password
    INDETERMINATE = "indeterminate"
    WAIVED = "waived"
    SKIPPED = "skipped"


class Severity(StrEnum):
    """Severities a rule may declare."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Finding:
    """One result of one rule.

    `code` is the rule's code (`licence.denied`) or, for a failure of the engine itself, `policy_engine_unavailable`
    or `policy_result_invalid`. `reasons` are the detail codes (`domain.reason`) behind it, for example
    `signature_invalid` or `registry_unavailable`. `evidence` holds paths into the input document. `image` is the
    pinned reference of the artefact it speaks about, empty when it speaks about the whole request. `platform` names
    the platform of an index that it speaks about, in the words of the index.
    """

    code: str
    status: Status
    severity: Severity
    stage: Stage
    msg: str
    term: str = ""
    image: str = ""
    platform: str = ""
    reasons: tuple[str, ...] = ()
    evidence: tuple[tuple[str | int, ...], ...] = ()
    solution: str = ""
    rule: str = ""

    @property
    def blocks(self) -> bool:
        """Whether this finding stands in the way of an allow."""
        return self.status in {Status.VIOLATION, Status.INDETERMINATE}

    @property
    def shown(self) -> bool:
        """Whether whoever asked may hear of it; what a rule on trial finds is recorded alone."""
        return self.status is not Status.SHADOW

    @property
    def retryable(self) -> bool:
        """Whether only passing faults are behind it, so that the same call may succeed later."""
        return self.blocks and bool(self.reasons) and all(is_retryable(reason) for reason in self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageVerdict:
    """The verdict of one stage with everything that explains it.

    An `ALLOW` with a blocking finding cannot be built (`ValueError`).
    """

    stage: Stage
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    checked: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if self.verdict is Verdict.ALLOW and any(finding.blocks for finding in self.findings):
            raise ValueError("an allow cannot carry a blocking finding")

    @property
    def retryable(self) -> bool:
        """Whether only retryable reasons stand in the way."""
        blocking = [finding for finding in self.findings if finding.blocks]
        return self.verdict is not Verdict.ALLOW and bool(blocking) and all(item.retryable for item in blocking)


class DecisionKind(StrEnum):
    """Kinds of leaves (reference: audit, section 2) that exist so far."""

    GATE = "gate"
    ADMISSION = "admission"
    PROVIDER = "provider"
    ARMING = "arming"
    INCIDENT = "incident"
    LOG_START = "log_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyIdentity:
    """Which policy decided: digests of the bundle, of the rule data, of the trust and of the OPA binary."""

    bundle: Digest
    rule_data: Digest
    trust: Digest
    opa: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything of a decision that its documents and the policy determine.

    Two decisions with one outcome differ in nothing but who asked, when, and whether it was a dry run. `document` is
    the RFC 8785 form of `{"evidence": [document …], "request": document}`: what the engine saw, for an admission with
    the user and object it asked about. The verdict is bound to `name` and `digest` of each artefact. With
    `images_unchanged` only the request was decided, over images that run already: those without a digest are no
    artefacts, and an allow may be without any. An allow with a blocking finding cannot be built (`ValueError`).
    """

    kind: DecisionKind
    tenant: str
    environment: str
    artefacts: tuple[Artefact, ...]
    verdict: Verdict
    retryable: bool
    images_unchanged: bool = False
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]
    evidence: tuple[Digest, ...]
    source_commit: str
    policy: PolicyIdentity
    document: Compressed

    def __post_init__(self) -> None:
        proven = self.artefacts or self.images_unchanged
        if self.verdict is Verdict.ALLOW and (not proven or any(item.blocks for item in self.findings)):
            raise ValueError("an allow needs an artefact and cannot carry a blocking finding")


OUTCOME_MEMBERS = tuple(each.name for each in fields(Outcome))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Outcome):
    """A finished decision, ready to be recorded.

    `id` is a ULID, `time` is UTC. `preimage` is the RFC 8785 form of who asked (caller, user, namespace, object), of
    which the leaf holds an HMAC alone.
    """

    id: str
    time: datetime
    dry_run: bool
    preimage: bytes = field(repr=False)

    @classmethod
    def of(cls, outcome: Outcome, *, decision_id: str, time: datetime, dry_run: bool, preimage: bytes) -> "Decision":
        """The decision with this outcome."""
        members: dict[str, Any] = {name: getattr(outcome, name) for name in OUTCOME_MEMBERS}
        return cls(id=decision_id, time=time, dry_run=dry_run, preimage=preimage, **members)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Proof that a decision is in the log: its leaf, the leaf's index and the `.tlog-proof` text, if anybody asked."""

    id: str
    leaf: bytes
    index: int
    proof: str
