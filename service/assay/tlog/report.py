"""The report of a decision: findings, gaps and rejections in full, `assay.report/v1`; the leaf keeps its digest."""

from dataclasses import dataclass
from functools import lru_cache

from assay.domain.decision import Decision, Finding
from assay.domain.errors import InvalidInput
from assay.domain.evidence import Gap, Rejection
from assay.formats.finding import (
    parse_finding,
    parse_gap,
    parse_rejection,
    render_finding,
    render_gap,
    render_rejection,
)
from assay.formats.member import Members
from assay.tlog.canonical import ShapeError, parse_object, render_canonical

SCHEMA = "assay.report/v1"
_FEW = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What explains a verdict."""

    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]


def render_report(decision: Decision) -> bytes:
    """The canonical bytes of the decision's report; raises `InvalidInput(report_malformed)`."""
    report = Report(findings=decision.findings, gaps=decision.gaps, rejected=decision.rejected)
    is_small = len(report.findings) + len(report.gaps) + len(report.rejected) <= _FEW
    return _render_small(report) if is_small else render_parsed_report(report)


def render_parsed_report(report: Report) -> bytes:
    """The canonical bytes of a report."""
    try:
        return render_canonical(
            {
                "schema": SCHEMA,
                "findings": [render_finding(finding) for finding in report.findings],
                "gaps": [render_gap(gap) for gap in report.gaps],
                "rejected": [render_rejection(rejection) for rejection in report.rejected],
            }
        )
    except ValueError as error:
        raise _malformed(str(error)) from error


_render_small = lru_cache(maxsize=256)(render_parsed_report)
"""Decisions about one image are mostly explained by the same."""


def parse_report(octets: bytes) -> Report:
    """Read a report; raises `InvalidInput(report_malformed)` unless it is the canonical form of a known one."""
    try:
        members = Members(parse_object(octets), place="report", code="report_malformed")
        report = Report(
            findings=tuple(parse_finding(item) for item in members.sections("findings")),
            gaps=tuple(parse_gap(item) for item in members.sections("gaps")),
            rejected=tuple(parse_rejection(item) for item in members.sections("rejected")),
        )
        if render_parsed_report(report) != octets:
            raise ShapeError("it is not in canonical form or has unknown members")
    except (ValueError, InvalidInput) as error:
        raise _malformed(str(error)) from error
    return report


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(
        "report_malformed", f"this is no {SCHEMA} report: {why[:300]}", remedy="save the report again, byte for byte"
    )
