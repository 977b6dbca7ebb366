"""Gate questions and answers as JSON, for the service and for its clients alike."""

import base64
import json

from assay.domain.artefact import Artefact, ArtefactType
from assay.domain.decision import Finding, Severity, Stage, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import Gap, GapKind, Rejection
from assay.domain.gate import Candidate, EvidenceSource, FromLayout, FromRegistry, GateAnswer, GateQuestion
from assay.domain.reason import GapReason
from assay.domain.reference import Reference, Repository
from assay.formats.member import Members
from assay.formats.strict_json import parse_json

_MOST_BUNDLES = 256


def parse_gate_question(octets: bytes, *, largest: int) -> GateQuestion:
    """Parse the body of `POST /v1/gate`.

    Raises `InvalidInput` (`json_malformed`, `json_too_large`, `request_invalid`, `digest_malformed`,
    `reference_malformed`).
    """
    root = Members(parse_json(octets, what="the request", largest=largest), place="request", code="request_invalid")
    question = GateQuestion(
        artefact=_artefact(root.section("artefact")),
        environment=root.text("environment", longest=64),
        evidence=_evidence(root.section("evidence")),
    )
    root.finish()
    return question


def _artefact(members: Members) -> Artefact:
    artefact = Artefact(
        type=_artefact_type(members.text("type")),
        repository=Repository.parse(members.text("repository")),
        digest=Digest(members.text("digest")),
        tag=members.text("tag", ""),
    )
    members.finish()
    # A tag that no reference could carry is refused here, where the caller can be told.
    Reference(repository=artefact.repository, tag=artefact.tag, digest=artefact.digest)
    return artefact


def _artefact_type(text: str) -> ArtefactType:
    if text not in set(ArtefactType):
        raise InvalidInput(
            "request_invalid", f"artefact.type: {text[:40]!r} is not known", remedy=f"use {', '.join(ArtefactType)}"
        )
    return ArtefactType(text)


def _evidence(members: Members) -> EvidenceSource:
    source: EvidenceSource
    match members.text("from"):
        case "registry":
            source = FromRegistry()
        case "layout":
            source = FromLayout(path=members.text("path"))
        case "candidate":
            source = _candidate(members)
        case other:
            raise InvalidInput(
                "request_invalid",
                f"evidence.from: {other[:40]!r} is not known",
                remedy="use registry, layout or candidate",
            )
    members.finish()
    return source


def _candidate(members: Members) -> Candidate:
    bundles = members.octets_list("bundles")
    if len(bundles) > _MOST_BUNDLES:
        raise InvalidInput(
            "request_invalid", f"evidence.bundles: more than {_MOST_BUNDLES} bundles", remedy="send fewer bundles"
        )
    return Candidate(
        manifest=members.octets("manifest"),
        media_type=members.text("media_type"),
        config=members.octets("config"),
        bundles=bundles,
    )


def render_gate_question(question: GateQuestion) -> bytes:
    """The JSON body that `parse_gate_question` reads back to an equal question."""
    artefact = question.artefact
    body = {
        "artefact": {
            "type": artefact.type.value,
            "repository": artefact.repository.name,
            "digest": artefact.digest.text,
            "tag": artefact.tag,
        },
        "environment": question.environment,
        "evidence": _render_evidence(question.evidence),
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _render_evidence(source: EvidenceSource) -> dict[str, object]:
    if isinstance(source, FromRegistry):
        return {"from": "registry"}
    if isinstance(source, FromLayout):
        return {"from": "layout", "path": source.path}
    return {
        "from": "candidate",
        "manifest": base64.b64encode(source.manifest).decode(),
        "media_type": source.media_type,
        "config": base64.b64encode(source.config).decode(),
        "bundles": [base64.b64encode(bundle).decode() for bundle in source.bundles],
    }


def render_gate_answer(answer: GateAnswer) -> dict[str, object]:
    """The JSON object of a gate answer."""
    return {
        "decision": answer.decision_id,
        "verdict": answer.verdict.value,
        "retryable": answer.retryable,
        "artefact": {
            "type": answer.artefact.type.value,
            "repository": answer.artefact.repository.name,
            "digest": answer.artefact.digest.text,
            "tag": answer.artefact.tag,
        },
        "environment": answer.environment,
        "findings": [render_finding(finding) for finding in answer.findings],
        "gaps": [render_gap(gap) for gap in answer.gaps],
        "rejected": [render_rejection(rejection) for rejection in answer.rejected],
        "log": {"index": answer.index, "leaf": base64.b64encode(answer.leaf).decode(), "proof": answer.proof},
    }


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


def parse_gate_answer(octets: bytes, *, largest: int) -> GateAnswer:
    """Parse a gate answer; a client refuses what it does not fully understand (`InvalidInput(answer_invalid)`)."""
    root = Members(parse_json(octets, what="the answer", largest=largest), place="answer", code="answer_invalid")
    log = root.section("log")
    try:
        answer = GateAnswer(
            decision_id=root.text("decision"),
            verdict=Verdict(root.text("verdict")),
            retryable=root.flag("retryable"),
            artefact=_artefact(root.section("artefact")),
            environment=root.text("environment"),
            findings=tuple(_finding(item) for item in root.sections("findings")),
            gaps=tuple(_gap(item) for item in root.sections("gaps")),
            rejected=tuple(_rejection(item) for item in root.sections("rejected")),
            leaf=log.octets("leaf"),
            index=log.integer("index"),
            proof=log.text("proof", longest=65_536),
        )
    except ValueError as error:
        raise InvalidInput(
            "answer_invalid", "the answer has an unknown word", remedy="use client and service of one release"
        ) from error
    log.finish()
    root.finish()
    return answer


def _finding(members: Members) -> Finding:
    finding = Finding(
        code=members.text("code"),
        status=Status(members.text("status")),
        severity=Severity(members.text("severity")),
        stage=Stage(members.text("stage")),
        msg=members.text("msg", longest=4096),
        term=members.text("term", longest=4096),
        image=members.text("image"),
        reasons=members.texts("reasons"),
        evidence=members.paths("evidence"),
        solution=members.text("solution", longest=4096),
        rule=members.text("rule"),
    )
    members.finish()
    return finding


def _gap(members: Members) -> Gap:
    gap = Gap(
        kind=GapKind(members.text("kind")),
        reason=GapReason(members.text("reason")),
        code=members.text("code"),
        detail=members.text("detail", longest=4096),
        platform=members.text("platform"),
    )
    members.finish()
    return gap


def _rejection(members: Members) -> Rejection:
    rejection = Rejection(
        id=Digest(members.text("id")), code=members.text("code"), detail=members.text("detail", longest=4096)
    )
    members.finish()
    return rejection
