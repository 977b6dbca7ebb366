"""Decisions as the engine would make them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from assay.domain.artefact import Artefact
from assay.domain.compressed import Compressed
from assay.domain.decision import Decision, DecisionKind, Finding, PolicyIdentity, Severity, Stage, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.evidence import Gap, GapKind, Rejection
from assay.domain.reason import GapReason
from assay.domain.reference import Repository
from assay.domain.ulid import render_ulid

MOMENT = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)


def identifier(number: int) -> str:
    """The ULID of the decision with this number."""
    return render_ulid(1_800_000_000_000 + number, bytes(10))


def image(name: str = "registry.example/team/app", content: str = "image") -> Artefact:
    """An image."""
    return Artefact(repository=Repository.parse(name), digest=Digest.of(content.encode()))


def finding(code: str = "licence.denied", status: Status = Status.VIOLATION) -> Finding:
    """A finding that explains a denial."""
    return Finding(
        code=code,
        status=status,
        severity=Severity.HIGH,
        stage=Stage.EVIDENCE,
        msg="a package has the licence GPL-3.0-only",
        term="pkg:golang/example.org/x@1",
        evidence=(("sbom", 0, "packages", 3),),
        reasons=("signature_invalid",),
    )


POLICY = PolicyIdentity(
    bundle=Digest.of(b"bundle"), rule_data=Digest.of(b"rule data"), trust=Digest.of(b"trust"), opa=Digest.of(b"opa")
)


def denied(number: int = 0, *, size: int = 200) -> Decision:
    """A denied gate decision about one image, with everything that a decision can carry."""
    document = json.dumps({"evidence": [{"number": number, "filler": "x" * size}], "request": {}})
    return Decision(
        id=identifier(number),
        kind=DecisionKind.GATE,
        time=MOMENT + timedelta(seconds=number),
        tenant="team-a",
        environment="prod",
        artefacts=(image(content=f"image {number}"),),
        verdict=Verdict.DENY,
        retryable=False,
        dry_run=False,
        findings=(finding(), finding(), finding("signature.required", Status.PASS)),
        gaps=(Gap(kind=GapKind.VEX, reason=GapReason.NOT_COLLECTED, code="not_collected"),),
        rejected=(Rejection(id=Digest.of(b"item"), code="signature_invalid", detail="the signature does not verify"),),
        evidence=(Digest.of(b"item"),),
        source_commit="sha1:" + "ab" * 20,
        policy=POLICY,
        document=Compressed.of(document.encode()),
        preimage=json.dumps({"caller": "ci", "user": f"user-{number}"}).encode(),
    )


def allowed(number: int = 0) -> Decision:
    """An allowed admission of two images."""
    return replace(
        denied(number),
        kind=DecisionKind.ADMISSION,
        artefacts=(image("registry.example/b", f"b {number}"), image("registry.example/a", f"a {number}")),
        verdict=Verdict.ALLOW,
        findings=(finding("signature.required", Status.PASS),),
        gaps=(),
        rejected=(),
        tenant="team-b",
    )
