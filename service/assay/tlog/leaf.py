"""The leaf of a decision: `assay.leaf/v1`, canonical JSON of digests and closed words."""

import hmac
from collections import Counter
from datetime import timedelta

from assay.domain.decision import Decision, DecisionKind, PolicyIdentity, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.record import FindingCount, Leaf, RecordedImage
from assay.tlog.canonical import (
    ShapeError,
    as_object,
    as_text,
    flag,
    integer,
    items,
    parse_object,
    parse_time,
    render_canonical,
    render_time,
    text,
)

SCHEMA = "assay.leaf/v1"
SALT_OCTETS = 32
_LARGEST_LEAF = 65_535
"""What the length field of an entry bundle can say (C2SP tlog-tiles)."""


def require_leaf_size(octets: bytes, decision_id: str) -> bytes:
    """The bytes of a leaf; `InvalidInput(leaf_too_large)` above 65,535."""
    if len(octets) > _LARGEST_LEAF:
        raise InvalidInput(
            "leaf_too_large",
            f"the leaf of decision {decision_id} has {len(octets)} bytes, more than {_LARGEST_LEAF}",
            remedy="judge fewer images in one call, or remove evidence that nothing asks for",
        )
    return octets


def summarise(decision: Decision, *, document: Digest, report: Digest, salt: bytes, service_version: str) -> Leaf:
    """What the log commits to of a decision.

    `document` and `report` are the digests of its document and of its report (`render_report`). `salt` are 32 fresh
    random bytes: with them and the preimage the `caller` can be checked, without them it says nothing.
    """
    counts = Counter((finding.code, finding.status) for finding in decision.findings)
    images = {RecordedImage(name=item.repository.name, digest=item.digest) for item in decision.artefacts}
    return Leaf(
        id=decision.id,
        kind=decision.kind,
        time=decision.time - timedelta(microseconds=decision.time.microsecond % 1000),
        tenant=decision.tenant,
        environment=decision.environment,
        images=tuple(sorted(images)),
        verdict=decision.verdict,
        retryable=decision.retryable,
        dry_run=decision.dry_run,
        findings=tuple(
            FindingCount(code=code, status=status, count=count) for (code, status), count in sorted(counts.items())
        ),
        input=document,
        report=report,
        policy=decision.policy,
        evidence=decision.evidence,
        source_commit=decision.source_commit,
        service_version=service_version,
        caller=mark_caller(decision.preimage, salt),
    )


def mark_caller(preimage: bytes, salt: bytes) -> str:
    """`hmac-sha256:<hex>` over the preimage: who asked, in a form that dies with the salt."""
    if len(salt) != SALT_OCTETS:
        raise ValueError(f"a salt has {SALT_OCTETS} bytes")
    return f"hmac-sha256:{hmac.digest(salt, preimage, 'sha256').hex()}"


def render_parsed_leaf(leaf: Leaf) -> bytes:
    """The canonical bytes of a leaf's content."""
    try:
        return render_canonical(leaf_members(leaf))
    except ValueError as error:
        raise malformed_leaf(str(error)) from error


def leaf_members(leaf: Leaf) -> dict[str, object]:
    """The members of the JSON object that a leaf is."""
    return {
        "schema": SCHEMA,
        "id": leaf.id,
        "kind": leaf.kind.value,
        "time": render_time(leaf.time),
        "tenant": leaf.tenant,
        "environment": leaf.environment,
        "images": [{"name": image.name, "digest": image.digest.text} for image in leaf.images],
        "verdict": leaf.verdict.value,
        "retryable": leaf.retryable,
        "dry_run": leaf.dry_run,
        "findings": [{"code": item.code, "status": item.status.value, "count": item.count} for item in leaf.findings],
        "input": leaf.input.text,
        "report": leaf.report.text,
        "policy": leaf.policy.bundle.text,
        "rule_data": leaf.policy.rule_data.text,
        "trust_root": leaf.policy.trust.text,
        "evidence": [item.text for item in leaf.evidence],
        "source_commit": leaf.source_commit,
        "service": {"version": leaf.service_version, "opa": leaf.policy.opa.text},
        "caller": leaf.caller,
    }


def parse_leaf(octets: bytes) -> Leaf:
    """Read a leaf; raises `InvalidInput(leaf_malformed)` unless it is the canonical form of a known leaf."""
    try:
        if len(octets) > _LARGEST_LEAF:
            raise ShapeError("it is too large")
        leaf = _read_leaf(octets)
        if render_parsed_leaf(leaf) != octets:
            raise ShapeError("it is not in canonical form or has unknown members")
    except (ValueError, InvalidInput) as error:
        raise malformed_leaf(str(error)) from error
    return leaf


def _read_leaf(octets: bytes) -> Leaf:
    members = parse_object(octets)
    service = as_object(members.get("service"))
    return Leaf(
        id=text(members, "id"),
        kind=DecisionKind(text(members, "kind")),
        time=parse_time(text(members, "time")),
        tenant=text(members, "tenant"),
        environment=text(members, "environment"),
        images=items(members, "images", _read_image),
        verdict=Verdict(text(members, "verdict")),
        retryable=flag(members, "retryable"),
        dry_run=flag(members, "dry_run"),
        findings=items(members, "findings", _read_finding_count),
        input=Digest(text(members, "input")),
        report=Digest(text(members, "report")),
        policy=PolicyIdentity(
            bundle=Digest(text(members, "policy")),
            rule_data=Digest(text(members, "rule_data")),
            trust=Digest(text(members, "trust_root")),
            opa=Digest(text(service, "opa")),
        ),
        evidence=items(members, "evidence", lambda item: Digest(as_text(item))),
        source_commit=text(members, "source_commit"),
        service_version=text(service, "version"),
        caller=text(members, "caller"),
    )


def _read_image(item: object) -> RecordedImage:
    members = as_object(item)
    return RecordedImage(name=text(members, "name"), digest=Digest(text(members, "digest")))


def _read_finding_count(item: object) -> FindingCount:
    members = as_object(item)
    return FindingCount(
        code=text(members, "code"), status=Status(text(members, "status")), count=integer(members, "count")
    )


def malformed_leaf(why: str) -> InvalidInput:
    """The error about bytes that are no leaf, or a leaf that has none."""
    return InvalidInput(
        "leaf_malformed", f"this is no {SCHEMA} leaf: {why[:300]}", remedy="save the leaf again, byte for byte"
    )
