"""Reading the decision log."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Blueprint, Response, jsonify

from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.record import DecisionFilter, Leaf, LoggedDecision, StoredDecision
from assay.domain.reference import Repository
from assay.domain.ulid import is_ulid
from assay.formats.finding import render_finding, render_gap, render_rejection
from assay.http.parameter import LARGEST_INDEX, integer_parameter, read_parameters, refuse_parameter
from assay.http.parts import ServiceParts
from assay.tlog.leaf import leaf_members

_LISTED = ("id", "kind", "time", "tenant", "environment", "images", "verdict", "retryable", "dry_run")
_DEFAULT_LIMIT, _HIGHEST_LIMIT = 100, 1000
_KINDS = frozenset(DecisionKind) - {DecisionKind.LOG_START}
_FILTERS = frozenset(
    {"image", "digest", "environment", "verdict", "kind", "code", "policy", "since", "until", "limit", "before"}
)


def decisions_blueprint(parts: ServiceParts) -> Blueprint:
    """`/v1/decisions…`; a caller sees its own tenant's decisions."""
    blueprint = Blueprint("decisions", __name__)

    @blueprint.get("/v1/decisions")
    def list_decisions() -> Response:
        tenant = parts.require_auditor().tenant
        given = read_parameters(_FILTERS)
        page = parts.archive.list_decisions(
            _filter(given),
            tenant=tenant,
            limit=integer_parameter(given, "limit", _DEFAULT_LIMIT, lowest=1, highest=_HIGHEST_LIMIT),
            before=integer_parameter(given, "before", 0, lowest=0, highest=LARGEST_INDEX)
            if "before" in given
            else None,
        )
        return jsonify(
            decisions=[_render_listed(item) for item in page.decisions],
            damages=[{"index": item.index, "id": item.id, "part": item.part.value} for item in page.damages],
            next=page.next,
        )

    @blueprint.get("/v1/decisions/<decision>")
    def show(decision: str) -> Response:
        tenant = parts.require_auditor().tenant
        stored = parts.archive.get_decision(_identifier(decision), tenant=tenant)
        if stored is None:
            raise _unknown(decision)
        return jsonify(_render_stored(stored))

    @blueprint.get("/v1/decisions/<decision>/proof")
    def prove(decision: str) -> Response:
        tenant = parts.require_auditor().tenant
        proof = parts.archive.get_proof(_identifier(decision), tenant=tenant)
        if proof is None:
            raise _unknown(decision)
        return Response(proof, content_type="text/plain; charset=utf-8")

    return blueprint


def _time(given: Mapping[str, str], name: str) -> datetime | None:
    if name not in given:
        return None
    try:
        time = datetime.fromisoformat(given[name])
        moment = time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise refuse_parameter(name, "a time such as 2026-11-01T00:00:00Z is expected") from error
    if time.tzinfo is None:
        raise refuse_parameter(name, "the time needs its offset, for example Z")
    return moment


def _filter(given: Mapping[str, str]) -> DecisionFilter:
    for name, words in (("verdict", frozenset(Verdict)), ("kind", _KINDS)):
        if name in given and given[name] not in words:
            raise refuse_parameter(name, f"one of {', '.join(sorted(words))} is expected")
    return DecisionFilter(
        image=Repository.parse(given["image"]).name if "image" in given else "",
        digest=Digest(given["digest"]) if "digest" in given else None,
        environment=given.get("environment", ""),
        verdict=Verdict(given["verdict"]) if "verdict" in given else None,
        kind=DecisionKind(given["kind"]) if "kind" in given else None,
        code=given.get("code", ""),
        policy=Digest(given["policy"]) if "policy" in given else None,
        since=_time(given, "since"),
        until=_time(given, "until"),
    )


def _identifier(decision: str) -> str:
    if not is_ulid(decision):
        raise _unknown(decision)
    return decision


def _unknown(decision: str) -> InvalidInput:
    return InvalidInput(
        "decision_unknown",
        f"there is no decision {decision[:40]!r} of this tenant",
        remedy="take the id from the answer of the gate or from the list",
    )


def _render_leaf(leaf: Leaf) -> dict[str, object]:
    members = leaf_members(leaf)
    return {name: members[name] for name in _LISTED}


def _render_listed(item: LoggedDecision) -> dict[str, object]:
    codes = [count.code for count in item.leaf.findings]
    return {"index": item.index, **_render_leaf(item.leaf), "codes": codes}


def _render_stored(stored: StoredDecision) -> dict[str, object]:
    leaf = stored.leaf
    return {
        "index": stored.index,
        **_render_leaf(leaf),
        "findings": [render_finding(finding) for finding in stored.findings],
        "gaps": [render_gap(gap) for gap in stored.gaps],
        "rejected": [render_rejection(rejection) for rejection in stored.rejected],
        "evidence": [digest.text for digest in leaf.evidence],
        "source_commit": leaf.source_commit,
        "policy": {
            "bundle": leaf.policy.bundle.text,
            "rule_data": leaf.policy.rule_data.text,
            "trust_root": leaf.policy.trust.text,
            "opa": leaf.policy.opa.text,
        },
        "service_version": leaf.service_version,
        "input": {"digest": leaf.input.text, "document": json.loads(stored.document)},
        "leaf": base64.b64encode(stored.octets).decode(),
        "proof": stored.proof,
    }
