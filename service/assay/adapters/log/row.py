"""The one mapping between a leaf and the rows that make it searchable."""

from collections.abc import Sequence

from assay.domain.decision import Finding
from assay.domain.errors import RecordPart
from assay.domain.record import Leaf
from assay.tlog.canonical import render_time

COLUMN_PARTS: dict[str, RecordPart] = {
    "id": RecordPart.ID,
    "leaf_index": RecordPart.INDEX,
    "kind": RecordPart.KIND,
    "time": RecordPart.TIME,
    "tenant": RecordPart.TENANT,
    "environment": RecordPart.ENVIRONMENT,
    "verdict": RecordPart.VERDICT,
    "retryable": RecordPart.RETRYABLE,
    "dry_run": RecordPart.DRY_RUN,
    "input": RecordPart.INPUT,
    "report": RecordPart.REPORT,
    "policy": RecordPart.POLICY,
    "rule_data": RecordPart.RULE_DATA,
    "trust_root": RecordPart.TRUST_ROOT,
    "opa": RecordPart.OPA,
    "source_commit": RecordPart.SOURCE_COMMIT,
    "service_version": RecordPart.SERVICE_VERSION,
    "caller": RecordPart.CALLER,
}
"""How a damaged column of `decision` is called."""


def decision_row(leaf: Leaf, index: int) -> dict[str, object]:
    """The row of `decision` that this leaf stands for."""
    return {
        "id": leaf.id,
        "leaf_index": index,
        "kind": leaf.kind.value,
        "time": render_time(leaf.time),
        "tenant": leaf.tenant,
        "environment": leaf.environment,
        "verdict": leaf.verdict.value,
        "retryable": int(leaf.retryable),
        "dry_run": int(leaf.dry_run),
        "input": leaf.input.text,
        "report": leaf.report.text,
        "policy": leaf.policy.bundle.text,
        "rule_data": leaf.policy.rule_data.text,
        "trust_root": leaf.policy.trust.text,
        "opa": leaf.policy.opa.text,
        "source_commit": leaf.source_commit,
        "service_version": leaf.service_version,
        "caller": leaf.caller,
    }


def image_rows(leaf: Leaf) -> list[dict[str, object]]:
    """The rows of `image` that this leaf stands for."""
    return [
        {"decision_id": leaf.id, "position": position, "name": image.name, "digest": image.digest.text}
        for position, image in enumerate(leaf.images)
    ]


def finding_rows(leaf: Leaf, findings: Sequence[Finding]) -> list[dict[str, object]]:
    """The rows of `finding` that this leaf and the findings of its report stand for."""
    return [
        {
            "decision_id": leaf.id,
            "position": position,
            "code": finding.code,
            "status": finding.status.value,
            "severity": finding.severity.value,
            "term": finding.term,
            "time": render_time(leaf.time),
        }
        for position, finding in enumerate(findings)
    ]
