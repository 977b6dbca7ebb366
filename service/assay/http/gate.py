"""`POST /v1/gate`."""

import logging

from flask import Blueprint, Response, jsonify

from assay.domain.caller import Role
from assay.formats.gate import parse_gate_question, render_gate_answer
from assay.http.body import read_json_body
from assay.http.caller import require_environment, require_role
from assay.http.parts import ServiceParts

_LOG = logging.getLogger("assay.decision")


def gate_blueprint(parts: ServiceParts) -> Blueprint:
    """The gate: one question in, one recorded decision out; 200 for every verdict."""
    blueprint = Blueprint("gate", __name__)

    @blueprint.post("/v1/gate")
    def ask() -> Response:
        caller = parts.identify_caller()
        require_role(caller, Role.GATE)
        body = read_json_body(largest=parts.request_octets)
        question = parse_gate_question(body, largest=parts.request_octets)
        require_environment(caller, question.environment)
        answer = parts.gate(question, caller, parts.deadline())
        _LOG.info(
            "decision=%s kind=gate verdict=%s tenant=%s environment=%s image=%s digest=%s",
            answer.decision_id,
            answer.verdict.value,
            caller.tenant,
            answer.environment,
            answer.artefact.repository,
            answer.artefact.digest,
        )
        return jsonify(render_gate_answer(answer))

    return blueprint
