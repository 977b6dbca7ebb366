from dataclasses import replace
from datetime import UTC, datetime

import pytest

from assay.domain.artefact import Artefact
from assay.domain.compressed import Compressed
from assay.domain.decision import (
    Decision,
    DecisionKind,
    Finding,
    PolicyIdentity,
    Severity,
    Stage,
    StageVerdict,
    Status,
    Verdict,
)
from assay.domain.digest import Digest
from assay.domain.reference import Repository

DIGEST = Digest.of(b"image")
FINDING = Finding(code="r", status=Status.VIOLATION, severity=Severity.HIGH, stage=Stage.EVIDENCE, msg="m")
OUTAGE = replace(FINDING, status=Status.INDETERMINATE, reasons=("registry_unavailable",))
FINAL = replace(FINDING, status=Status.INDETERMINATE, reasons=("registry_unavailable", "signature_invalid"))
DECISION = Decision(
    id="01",
    kind=DecisionKind.GATE,
    time=datetime(2026, 11, 21, tzinfo=UTC),
    tenant="t",
    environment="e",
    artefacts=(Artefact(repository=Repository.parse("registry.test/app"), digest=DIGEST),),
    verdict=Verdict.ALLOW,
    retryable=False,
    dry_run=False,
    findings=(replace(FINDING, status=Status.WARNING),),
    gaps=(),
    rejected=(),
    evidence=(),
    source_commit="",
    policy=PolicyIdentity(bundle=DIGEST, rule_data=DIGEST, trust=DIGEST, opa=DIGEST),
    document=Compressed.of(b""),
    preimage=b"",
)


@pytest.mark.parametrize("status", Status)
def test_only_violations_and_indeterminate_findings_block(status: Status) -> None:
    assert replace(FINDING, status=status).blocks == (status in {Status.VIOLATION, Status.INDETERMINATE})


def test_a_finding_is_retryable_when_every_reason_behind_it_is() -> None:
    assert OUTAGE.retryable
    assert not FINAL.retryable
    assert not FINDING.retryable
    assert not replace(OUTAGE, status=Status.WARNING).retryable


def test_a_stage_is_retryable_when_every_blocking_finding_is() -> None:
    warning = replace(FINDING, status=Status.WARNING)
    deny = StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.DENY, findings=(OUTAGE, warning))
    assert deny.retryable
    assert not replace(deny, findings=(OUTAGE, FINAL)).retryable
    assert not replace(deny, findings=(warning,)).retryable
    assert not replace(deny, verdict=Verdict.ALLOW, findings=(warning,)).retryable


@pytest.mark.parametrize("finding", [FINDING, OUTAGE])
def test_an_allow_with_a_blocking_finding_cannot_be_built(finding: Finding) -> None:
    assert StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.DENY, findings=(finding,))
    with pytest.raises(ValueError, match="blocking finding"):
        StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.ALLOW, findings=(finding,))
    with pytest.raises(ValueError, match="blocking finding"):
        replace(DECISION, findings=(finding,))
    assert replace(DECISION, verdict=Verdict.DENY, findings=(finding,))


def test_an_allow_is_for_an_artefact() -> None:
    with pytest.raises(ValueError, match="needs an artefact"):
        replace(DECISION, artefacts=())
    assert replace(DECISION, verdict=Verdict.INDETERMINATE, artefacts=())
