"""Verdicts as they are kept."""

from datetime import UTC, datetime

from assay.domain.compressed import Compressed
from assay.domain.decision import Finding, Severity, Stage, StageVerdict, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.evidence import Gap, GapKind, Rejection
from assay.domain.evidence_format import EVERY_FORMAT
from assay.domain.kept_verdict import EvidenceVerdict, JudgedFacts, KeptVerdict
from assay.domain.limit import Limits
from assay.domain.reason import GapReason
from assay.domain.verdict_key import VerdictKey
from tests.fakes.policy import ARTEFACT, ENVIRONMENT, IDENTITY, NOW, TENANT

KEY = VerdictKey(
    repository=ARTEFACT.repository,
    digest=ARTEFACT.digest,
    tenant=TENANT,
    environment=ENVIRONMENT,
    policy=IDENTITY,
    since=datetime(1970, 1, 1, tzinfo=UTC),
    reader="",
    waivers="",
    feeds="",
    limits=Limits(),
    formats=EVERY_FORMAT,
    revision=Digest.of(b"release"),
    epoch="",
)
FACTS = JudgedFacts(
    documents=(Compressed.of(b'{"platform":"one"}'), Compressed.of(b'{"platform":"two"}')),
    gaps=(Gap(kind=GapKind.VEX, reason=GapReason.NOT_COLLECTED, code="not_collected"),),
    rejected=(Rejection(id=Digest.of(b"junk"), code="bundle_malformed", detail="it is no bundle"),),
    evidence=(Digest.of(b"signature"),),
    source_commit="c0" * 20,
)
WARNING = Finding(
    code="licence.unknown",
    status=Status.WARNING,
    severity=Severity.LOW,
    stage=Stage.EVIDENCE,
    msg="unknown",
    platform="linux/amd64",
    evidence=(("sbom", 0),),
    rule="rule/licence.rego:1",
)


def kept_verdict(
    *, key: VerdictKey = KEY, verdict: Verdict = Verdict.ALLOW, listed: datetime = NOW, decided: datetime | None = None
) -> KeptVerdict:
    """A definitive verdict under a key."""
    stage = StageVerdict(
        stage=Stage.EVIDENCE, verdict=verdict, findings=(WARNING,), checked=(("signature.authority", 1),)
    )
    found = EvidenceVerdict(facts=FACTS, verdict=stage)
    return KeptVerdict(key=key, found=found, listed=listed, decided=decided or listed)
