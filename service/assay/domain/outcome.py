"""What a decision says, whoever asked and when."""

from dataclasses import dataclass, field
from datetime import datetime

from assay.domain.artefact import Artefact
from assay.domain.decision import Decision, DecisionKind, Finding, PolicyIdentity, Verdict
from assay.domain.digest import Digest
from assay.domain.evidence import Gap, Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything of a decision that its documents and the policy determine; the fields are those of `Decision`.

    Two decisions with one outcome differ in nothing but who asked, when, and whether it was a dry run.
    """

    kind: DecisionKind
    tenant: str
    environment: str
    artefacts: tuple[Artefact, ...]
    verdict: Verdict
    retryable: bool
    images_unchanged: bool
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]
    evidence: tuple[Digest, ...]
    source_commit: str
    policy: PolicyIdentity
    document: bytes = field(repr=False)

    def decided(self, decision_id: str, time: datetime, *, dry_run: bool, preimage: bytes) -> Decision:
        """The decision with this outcome; raises what a `Decision` that cannot be raises."""
        return Decision(
            id=decision_id,
            kind=self.kind,
            time=time,
            tenant=self.tenant,
            environment=self.environment,
            artefacts=self.artefacts,
            verdict=self.verdict,
            retryable=self.retryable,
            dry_run=dry_run,
            images_unchanged=self.images_unchanged,
            findings=self.findings,
            gaps=self.gaps,
            rejected=self.rejected,
            evidence=self.evidence,
            source_commit=self.source_commit,
            policy=self.policy,
            document=self.document,
            preimage=preimage,
        )
