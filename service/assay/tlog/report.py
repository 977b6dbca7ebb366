"""The report of a decision: findings, gaps and rejections in full, `assay.report/v1`; the leaf keeps its digest."""

from collections.abc import Mapping
from dataclasses import dataclass

from assay.domain.decision import Decision, Finding, Severity, Stage, Status
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import Gap, GapKind, Rejection
from assay.domain.reason import GapReason
from assay.formats.finding import render_finding, render_gap, render_rejection
from assay.tlog.canonical import ShapeError, as_object, as_text, items, parse_object, render_canonical, text

SCHEMA = "assay.report/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What explains a verdict."""

    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]


def render_report(decision: Decision) -> bytes:
    """The canonical bytes of the decision's report; raises `InvalidInput(report_malformed)`."""
    return render_parsed_report(
        Report(findings=decision.findings, gaps=decision.gaps, rejected=decision.rejected),
    )


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


def parse_report(octets: bytes) -> Report:
    """Read a report; raises `InvalidInput(report_malformed)` unless it is the canonical form of a known one."""
    try:
        members = parse_object(octets)
        report = Report(
            findings=items(members, "findings", _read_finding),
            gaps=items(members, "gaps", _read_gap),
            rejected=items(members, "rejected", _read_rejection),
        )
        if render_parsed_report(report) != octets:
            raise ShapeError("it is not in canonical form or has unknown members")
    except (ValueError, InvalidInput) as error:
        raise _malformed(str(error)) from error
    return report


def _read_finding(item: object) -> Finding:
    members = as_object(item)
    return Finding(
        code=text(members, "code"),
        status=Status(text(members, "status")),
        severity=Severity(text(members, "severity")),
        stage=Stage(text(members, "stage")),
        msg=text(members, "msg"),
        term=text(members, "term"),
        image=text(members, "image"),
        reasons=items(members, "reasons", as_text),
        evidence=items(members, "evidence", _read_path),
        solution=text(members, "solution"),
        rule=text(members, "rule"),
    )


def _read_path(item: object) -> tuple[str | int, ...]:
    wrapped: Mapping[str, object] = {"path": item}
    return items(wrapped, "path", _read_step)


def _read_step(item: object) -> str | int:
    if isinstance(item, bool) or not isinstance(item, str | int):
        raise ShapeError("a step of a path is neither a name nor a number")
    return item


def _read_gap(item: object) -> Gap:
    members = as_object(item)
    return Gap(
        kind=GapKind(text(members, "kind")),
        reason=GapReason(text(members, "reason")),
        code=text(members, "code"),
        detail=text(members, "detail"),
        platform=text(members, "platform"),
    )


def _read_rejection(item: object) -> Rejection:
    members = as_object(item)
    return Rejection(id=Digest(text(members, "id")), code=text(members, "code"), detail=text(members, "detail"))


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(
        "report_malformed", f"this is no {SCHEMA} report: {why[:300]}", remedy="save the report again, byte for byte"
    )
