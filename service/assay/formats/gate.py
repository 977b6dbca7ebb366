"""Gate questions and answers as JSON, for the service and for its clients alike."""

import base64
import json

from assay.domain.artefact import Artefact, ArtefactType
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.gate import Candidate, EvidenceSource, FromLayout, FromRegistry, GateAnswer, GateQuestion
from assay.domain.reference import Reference, Repository
from assay.formats.finding import (
    parse_finding,
    parse_gap,
    parse_rejection,
    render_finding,
    render_gap,
    render_rejection,
)
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
            findings=tuple(parse_finding(item) for item in root.sections("findings")),
            gaps=tuple(parse_gap(item) for item in root.sections("gaps")),
            rejected=tuple(parse_rejection(item) for item in root.sections("rejected")),
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
