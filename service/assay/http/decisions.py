"""Reading the decision log."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, jsonify, request

from assay.domain.caller import Role
from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.record import DecisionFilter, Leaf, LoggedDecision, StoredDecision
from assay.domain.reference import Repository
from assay.domain.ulid import is_ulid
from assay.formats.finding import render_finding, render_gap, render_rejection
from assay.http.caller import require_role
from assay.http.parts import ServiceParts

_DEFAULT_LIMIT, _HIGHEST_LIMIT = 100, 1000
_WALK_STRIDE = 500
_LARGEST_INDEX = 2**53 - 1
_FILTERS = frozenset(
    {"image", "digest", "environment", "verdict", "kind", "code", "policy", "since", "until", "limit", "before"}
)


def decisions_blueprint(parts: ServiceParts) -> Blueprint:
    """`/v1/decisions…` and `/v1/log…`; a caller sees its own tenant's decisions."""
    blueprint = Blueprint("decisions", __name__)

    def auditor_tenant() -> str:
        caller = parts.identify_caller()
        require_role(caller, Role.AUDIT)
        return caller.tenant

    @blueprint.get("/v1/decisions")
    def list_decisions() -> Response:
        tenant = auditor_tenant()
        given = _parameters(_FILTERS)
        page = parts.archive.list_decisions(
            _filter(given),
            tenant=tenant,
            limit=_integer(given, "limit", _DEFAULT_LIMIT, lowest=1, highest=_HIGHEST_LIMIT),
            before=_integer(given, "before", 0, lowest=0, highest=_LARGEST_INDEX) if "before" in given else None,
        )
        return jsonify(
            decisions=[_render_listed(item) for item in page.decisions],
            damages=[{"index": item.index, "id": item.id, "part": item.part.value} for item in page.damages],
            next=page.next,
        )

    @blueprint.get("/v1/decisions/<decision>")
    def show(decision: str) -> Response:
        stored = parts.archive.get_decision(_identifier(decision), tenant=auditor_tenant())
        if stored is None:
            raise _unknown(decision)
        return jsonify(_render_stored(stored))

    @blueprint.get("/v1/decisions/<decision>/proof")
    def prove(decision: str) -> Response:
        proof = parts.archive.get_proof(_identifier(decision), tenant=auditor_tenant())
        if proof is None:
            raise _unknown(decision)
        return Response(proof, content_type="text/plain; charset=utf-8")

    @blueprint.get("/v1/log/key")
    def key() -> Response:
        auditor_tenant()
        return Response(parts.log_key() + "\n", content_type="text/plain; charset=utf-8")

    @blueprint.get("/v1/log/verification")
    def verify() -> Response:
        auditor_tenant()
        start = _integer(_parameters(frozenset({"start"})), "start", 0, lowest=0, highest=_LARGEST_INDEX)
        page = parts.archive.walk(start, _WALK_STRIDE)
        damages = [
            {"index": item.index, "id": item.id, "part": item.part.value, "detail": item.detail}
            for item in page.damages
        ]
        return jsonify(size=page.size, next=page.next, damages=damages)

    return blueprint


def _parameters(known: frozenset[str]) -> Mapping[str, str]:
    given = request.args.to_dict(flat=False)
    for name, values in given.items():
        if name not in known or len(values) != 1:
            raise _refuse(name[:40], "the parameter is unknown or given twice")
    return {name: values[0] for name, values in given.items()}


def _refuse(name: str, why: str) -> InvalidInput:
    return InvalidInput("request_invalid", f"{name}: {why}", remedy="see openapi.yaml")


def _integer(given: Mapping[str, str], name: str, default: int, *, lowest: int, highest: int) -> int:
    text = given.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 16 or not lowest <= int(text) <= highest:
        raise _refuse(name, f"an integer from {lowest} to {highest} is expected")
    return int(text)


def _time(given: Mapping[str, str], name: str) -> datetime | None:
    if name not in given:
        return None
    try:
        time = datetime.fromisoformat(given[name])
    except ValueError as error:
        raise _refuse(name, "a time such as 2026-11-01T00:00:00Z is expected") from error
    if time.tzinfo is None:
        raise _refuse(name, "the time needs its offset, for example Z")
    return time


def _filter(given: Mapping[str, str]) -> DecisionFilter:
    for name, words in (("verdict", set(Verdict)), ("kind", set(DecisionKind))):
        if name in given and given[name] not in words:
            raise _refuse(name, f"one of {', '.join(sorted(words))} is expected")
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
    return {
        "id": leaf.id,
        "kind": leaf.kind.value,
        "time": leaf.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "tenant": leaf.tenant,
        "environment": leaf.environment,
        "images": [{"name": image.name, "digest": image.digest.text} for image in leaf.images],
        "verdict": leaf.verdict.value,
        "retryable": leaf.retryable,
        "dry_run": leaf.dry_run,
    }


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
