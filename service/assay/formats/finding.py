"""Findings, gaps and rejections as JSON objects."""

from functools import lru_cache

from assay.domain.decision import Finding, Severity, Stage, Status
from assay.domain.digest import Digest
from assay.domain.evidence import Gap, GapKind, Rejection
from assay.domain.reason import GapReason
from assay.formats.member import Members

_LONGEST_TEXT = 1024 * 1024


def render_finding(finding: Finding) -> dict[str, object]:
    """The JSON object of a finding."""
    return {
        "code": finding.code,
        "status": finding.status.value,
        "severity": finding.severity.value,
        "stage": finding.stage.value,
        "msg": finding.msg,
        "term": finding.term,
        "image": finding.image,
        "platform": finding.platform,
        "reasons": list(finding.reasons),
        "evidence": [list(path) for path in finding.evidence],
        "solution": finding.solution,
        "rule": finding.rule,
    }


def render_gap(gap: Gap) -> dict[str, object]:
    """The JSON object of a gap."""
    return {
        "kind": gap.kind.value,
        "reason": gap.reason.value,
        "code": gap.code,
        "detail": gap.detail,
        "platform": gap.platform,
    }


def render_rejection(rejection: Rejection) -> dict[str, object]:
    """The JSON object of a rejection."""
    return {"id": rejection.id.text, "code": rejection.code, "detail": rejection.detail}


def parse_finding(members: Members) -> Finding:
    """The finding in a JSON object; `ValueError` for a word that is not in its closed set."""
    finding = Finding(
        code=members.text("code"),
        status=Status(members.text("status")),
        severity=Severity(members.text("severity")),
        stage=Stage(members.text("stage")),
        msg=members.text("msg", longest=_LONGEST_TEXT),
        term=members.text("term", longest=_LONGEST_TEXT),
        image=members.text("image"),
        platform=members.text("platform"),
        reasons=members.texts("reasons"),
        evidence=members.paths("evidence"),
        solution=members.text("solution", longest=_LONGEST_TEXT),
        rule=members.text("rule"),
    )
    members.finish()
    return finding


def parse_gap(members: Members) -> Gap:
    """The gap in a JSON object; `ValueError` for a word that is not in its closed set."""
    gap = Gap(
        kind=GapKind(members.text("kind")),
        reason=GapReason(members.text("reason")),
        code=members.text("code"),
        detail=members.text("detail", longest=_LONGEST_TEXT),
        platform=members.text("platform"),
    )
    members.finish()
    return gap if gap.detail else _one_for_all(gap)


@lru_cache(maxsize=512)
def _one_for_all(gap: Gap) -> Gap:
    """The gap itself, for all that are equal: every image has the same dozen of them."""
    return gap


def parse_rejection(members: Members) -> Rejection:
    """The rejection in a JSON object."""
    rejection = Rejection(
        id=Digest(members.text("id")), code=members.text("code"), detail=members.text("detail", longest=_LONGEST_TEXT)
    )
    members.finish()
    return rejection
