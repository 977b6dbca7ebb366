"""The question a gate call asks, and the answer to it."""

from dataclasses import dataclass, field

from assay.domain.artefact import Artefact
from assay.domain.decision import Finding, Verdict
from assay.domain.evidence import Gap, Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class FromRegistry:
    """The evidence lies beside the artefact in its registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromLayout:
    """The evidence lies in an OCI layout below the root that the service is configured to read.

    `path` is relative to that root; it is checked there, without following symbolic links.
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An artefact that is pushed nowhere yet: its documents and the Sigstore bundles that speak about it."""

    manifest: bytes = field(repr=False)
    media_type: str
    config: bytes = field(repr=False)
    bundles: tuple[bytes, ...] = field(repr=False)


EvidenceSource = FromRegistry | FromLayout | Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class GateQuestion:
    """Ask whether this artefact, named by digest, may be published to (or run in) this environment."""

    artefact: Artefact
    environment: str
    evidence: EvidenceSource


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """The recorded answer, bound to the artefact's digest and repository and worthless for any other.

    `proof` is the `.tlog-proof` text and `leaf` the logged bytes that name artefact and verdict.
    """

    decision_id: str
    verdict: Verdict
    retryable: bool
    artefact: Artefact
    environment: str
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]
    leaf: bytes = field(repr=False)
    index: int
    proof: str = field(repr=False)
