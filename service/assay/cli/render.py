"""Results as text for people: one line per fact, safe for any terminal."""

from collections.abc import Iterable, Sequence

from assay.domain.decision import Finding
from assay.domain.evidence import Gap, Rejection
from assay.domain.gate import GateAnswer


def safe_text(text: str) -> str:
    """The text with everything written out that could move a cursor, hide, or turn what stands beside it.

    What evidence says is an attacker's text: control characters, line breaks and marks of writing direction become
    escapes (`\\x1b`, `\\u202e`).
    """
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode("ascii") for mark in text)


def render_answer(answer: GateAnswer) -> str:
    """A gate answer: the verdict, what it is bound to, why, and where it is recorded."""
    bound_to = f"{answer.artefact.repository}@{answer.artefact.digest}"
    lines = [
        f"{answer.verdict.value.upper()}  {bound_to}  ({answer.environment})",
        *_finding_lines(answer.findings),
        *_gap_lines(answer.gaps),
        *_rejection_lines(answer.rejected),
        f"recorded as decision {answer.decision_id}, leaf {answer.index} of the log",
    ]
    if answer.retryable:
        lines.append("only passing faults stand in the way: repeat later")
    return "\n".join(safe_text(line) for line in lines)


def _finding_lines(findings: Iterable[Finding]) -> Iterable[str]:
    for finding in findings:
        platform = f" {finding.platform}" if finding.platform else ""
        reasons = f" [{', '.join(finding.reasons)}]" if finding.reasons else ""
        yield f"  {finding.status.value:<13} {finding.code}{platform}{reasons}: {finding.msg}"
        if finding.blocks and finding.solution:
            yield f"                -> {finding.solution}"


def _gap_lines(gaps: Sequence[Gap]) -> Iterable[str]:
    """One line per gap; what nobody collects yet is one line together."""
    for gap in gaps:
        if gap.code != "not_collected":
            platform = f"{gap.platform} " if gap.platform else ""
            yield f"  gap           {platform}{gap.kind.value}: {gap.code}{f' ({gap.detail})' if gap.detail else ''}"
    ignored = [gap.kind.value for gap in gaps if gap.code == "not_collected"]
    if ignored:
        yield f"  not collected {', '.join(ignored)}"


def _rejection_lines(rejected: Iterable[Rejection]) -> Iterable[str]:
    for rejection in rejected:
        yield f"  rejected      {rejection.id.hex[:12]} {rejection.code}: {rejection.detail}"
