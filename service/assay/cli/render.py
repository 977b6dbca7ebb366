"""Results as text for people."""

from collections.abc import Iterable, Sequence

from assay.domain.decision import Finding
from assay.domain.evidence import AttestationClaim, Claim, Gap, Rejection, SignatureClaim
from assay.domain.gate import GateAnswer


def render_answer(answer: GateAnswer) -> str:
    """A gate answer: the verdict, what it is bound to, why, and where it is recorded."""
    bound_to = f"{answer.artefact.repository}@{answer.artefact.digest}"
    lines = [
        f"{answer.verdict.value.upper()}  {bound_to}  ({answer.environment})",
        *_finding_lines(answer.findings),
        *gap_lines(answer.gaps),
        *rejection_lines(answer.rejected),
        f"recorded as decision {answer.decision_id}, leaf {answer.index} of the log",
    ]
    if answer.retryable:
        lines.append("only passing faults stand in the way: repeat later")
    return "\n".join(lines)


def _finding_lines(findings: Iterable[Finding]) -> Iterable[str]:
    for finding in findings:
        reasons = f" [{', '.join(finding.reasons)}]" if finding.reasons else ""
        yield f"  {finding.status.value:<13} {finding.code}{reasons}: {finding.msg}"
        if finding.blocks and finding.solution:
            yield f"                -> {finding.solution}"


def gap_lines(gaps: Sequence[Gap]) -> Iterable[str]:
    """One line per gap; what nobody collects yet is one line together."""
    for gap in gaps:
        if gap.code != "not_collected":
            yield f"  gap           {gap.kind.value}: {gap.code}{f' ({gap.detail})' if gap.detail else ''}"
    ignored = [gap.kind.value for gap in gaps if gap.code == "not_collected"]
    if ignored:
        yield f"  not collected {', '.join(ignored)}"


def rejection_lines(rejected: Iterable[Rejection]) -> Iterable[str]:
    """One line per rejected piece of evidence."""
    for rejection in rejected:
        yield f"  rejected      {rejection.id.hex[:12]} {rejection.code}: {rejection.detail}"


def claim_lines(claims: Iterable[Claim]) -> Iterable[str]:
    """One line per verified claim: what was proven, by whom."""
    for claim in claims:
        match claim:
            case SignatureClaim():
                what = "signature"
            case AttestationClaim():
                what = f"attestation {claim.predicate_type}"
        yield f"  verified      {what} by {', '.join(claim.authorities)} ({claim.signer}, {claim.format})"
        for time in claim.times:
            yield f"                at {time.isoformat()}"
        for entry in claim.log_entries:
            index = entry.index if entry.index is not None else entry.leaf
            yield f"                in the log {entry.origin}, entry {index}"
