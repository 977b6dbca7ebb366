"""Verdicts on evidence as they are kept between processes: `assay.verdict/v2`, canonical JSON."""

import dataclasses

from assay.domain.compressed import Compressed
from assay.domain.decision import PolicyIdentity, Stage, StageVerdict, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence_format import EvidenceFormat
from assay.domain.kept_verdict import EvidenceVerdict, JudgedFacts, KeptVerdict
from assay.domain.limit import Limits
from assay.domain.reference import Repository
from assay.domain.verdict_key import VerdictKey
from assay.formats.base64text import encode_base64
from assay.formats.finding import (
    parse_finding,
    parse_gap,
    parse_rejection,
    render_finding,
    render_gap,
    render_rejection,
)
from assay.formats.member import Members
from assay.tlog.canonical import ShapeError, parse_object, parse_time, render_canonical, render_time

SCHEMA = "assay.verdict/v2"
_CODE = "verdict_malformed"
_LIMITS = tuple(field.name for field in dataclasses.fields(Limits))


def key_digest(key: VerdictKey) -> Digest:
    """The digest of everything a key says: the name of what is kept under it."""
    return Digest.of(render_canonical(_render_key(key)))


def render_kept_verdict(kept: KeptVerdict) -> bytes:
    """The canonical bytes of a kept verdict; times have whole milliseconds."""
    facts, verdict = kept.found.facts, kept.found.verdict
    return render_canonical(
        {
            "schema": SCHEMA,
            "key": _render_key(kept.key),
            "listed": render_time(kept.listed),
            "decided": render_time(kept.decided),
            "verdict": verdict.verdict.value,
            "findings": [render_finding(finding) for finding in verdict.findings],
            "checked": dict(verdict.checked),
            "documents": [encode_base64(document.stream) for document in facts.documents],
            "gaps": [render_gap(gap) for gap in facts.gaps],
            "rejected": [render_rejection(rejection) for rejection in facts.rejected],
            "evidence": [digest.text for digest in facts.evidence],
            "source_commit": facts.source_commit,
        }
    )


def parse_kept_verdict(octets: bytes) -> KeptVerdict:
    """Read back what `render_kept_verdict` wrote; `InvalidInput(verdict_malformed)` for anything else.

    Guaranteed: the bytes are those that the verdict renders to, and it is one that may be kept. Not checked: who wrote
    them.
    """
    try:
        kept = _read(Members(parse_object(octets), place="verdict", code=_CODE))
        if render_kept_verdict(kept) != octets:
            raise ShapeError("it is not in canonical form")
    except (ValueError, InvalidInput) as error:
        raise InvalidInput(_CODE, f"this is no {SCHEMA}: {str(error)[:300]}", remedy="clear the cache") from error
    return kept


def _render_key(key: VerdictKey) -> dict[str, object]:
    return {
        "registry": key.repository.registry,
        "repository": key.repository.path,
        "digest": key.digest.text,
        "tenant": key.tenant,
        "environment": key.environment,
        "bundle": key.policy.bundle.text,
        "rule_data": key.policy.rule_data.text,
        "trust": key.policy.trust.text,
        "opa": key.policy.opa.text,
        "since": render_time(key.since),
        "reader": key.reader,
        "waivers": key.waivers,
        "feeds": key.feeds,
        "limits": {name: getattr(key.limits, name) for name in _LIMITS},
        "formats": sorted(key.formats),
        "revision": key.revision.text,
        "epoch": key.epoch,
    }


def _read(members: Members) -> KeptVerdict:
    if members.text("schema") != SCHEMA:
        raise ShapeError("it is of another schema")
    checked = members.section("checked")
    kept = KeptVerdict(
        key=_read_key(members.section("key")),
        listed=parse_time(members.text("listed")),
        decided=parse_time(members.text("decided")),
        found=EvidenceVerdict(
            verdict=StageVerdict(
                stage=Stage.EVIDENCE,
                verdict=Verdict(members.text("verdict")),
                findings=tuple(parse_finding(item) for item in members.sections("findings")),
                checked=tuple((code, checked.integer(code)) for code in checked.names()),
            ),
            facts=JudgedFacts(
                documents=tuple(map(_read_document, members.octets_list("documents"))),
                gaps=tuple(parse_gap(item) for item in members.sections("gaps")),
                rejected=tuple(parse_rejection(item) for item in members.sections("rejected")),
                evidence=tuple(Digest(item) for item in members.texts("evidence")),
                source_commit=members.text("source_commit"),
            ),
        ),
    )
    members.finish()
    return kept


def _read_document(stream: bytes) -> Compressed:
    document = Compressed.read(stream)
    if document is None:
        raise ShapeError("a document is no whole stream")
    return document


def _read_key(members: Members) -> VerdictKey:
    limits = members.section("limits")
    key = VerdictKey(
        repository=Repository(registry=members.text("registry"), path=members.text("repository")),
        digest=Digest(members.text("digest")),
        tenant=members.text("tenant"),
        environment=members.text("environment"),
        policy=PolicyIdentity(
            bundle=Digest(members.text("bundle")),
            rule_data=Digest(members.text("rule_data")),
            trust=Digest(members.text("trust")),
            opa=Digest(members.text("opa")),
        ),
        since=parse_time(members.text("since")),
        reader=members.text("reader"),
        waivers=members.text("waivers"),
        feeds=members.text("feeds"),
        limits=Limits(**{name: limits.integer(name) for name in _LIMITS}),
        formats=frozenset(map(EvidenceFormat, members.texts("formats"))),
        revision=Digest(members.text("revision")),
        epoch=members.text("epoch"),
    )
    limits.finish()
    members.finish()
    return key
