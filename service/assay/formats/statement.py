"""In-toto statements, versions 0.1 and 1, and their canonical form."""

import re
from collections.abc import Mapping

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE, STATEMENT_V01, STATEMENT_V1, Statement, Subject
from assay.formats.evidence_object import EvidenceObject, malformed
from assay.tlog.canonical import render_canonical

_STATEMENT = frozenset({"_type", "subject", "predicateType", "predicate"})
_SUBJECT = frozenset({"name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"})
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def parse_statement(payload: bytes, *, limits: Limits) -> Statement:
    """Parse the payload of an envelope whose signature has been verified.

    Guaranteed: a known statement type, at least one subject, a predicate type, no unknown member. A subject counts
    by `digest.sha256` alone, 64 lower-case hex characters. The predicate is an object; only an image signature may
    leave it out. What the predicate says is not looked at.
    Raises `InvalidInput(bundle_malformed | evidence_limit)`, and `predicate_type_mismatch` for a document that is
    no statement of version 0.1 or 1.
    """
    document = EvidenceObject.parse(payload, what="the statement", known=_STATEMENT, limits=limits)
    if document.text("_type") not in {STATEMENT_V01, STATEMENT_V1}:
        raise InvalidInput(
            "predicate_type_mismatch",
            "the signed document is no in-toto statement of version 0.1 or 1",
            remedy="sign an in-toto statement",
        )
    predicate_type = document.text("predicateType")
    if not predicate_type:
        raise malformed("the statement.predicateType", "it is empty")
    if not document.has("predicate") and predicate_type != IMAGE_SIGNATURE:
        raise malformed("the statement.predicate", "an object is expected")
    subjects = document.items("subject", most=limits.subjects)
    if not subjects:
        raise malformed("the statement.subject", "at least one subject is expected")
    return Statement(
        predicate_type=predicate_type,
        subjects=tuple(_parse_subject(value) for value in subjects),
        predicate=document.mapping("predicate"),
    )


def _parse_subject(value: object) -> Subject:
    subject = EvidenceObject.of(value, what="a subject of the statement", known=_SUBJECT)
    for name in ("uri", "content", "downloadLocation", "mediaType"):
        subject.text(name, default="")
    digests = subject.mapping("digest")
    if not all(isinstance(digest, str) for digest in digests.values()):
        raise malformed(f"{subject.what}.digest", "strings are expected")
    sha256 = str(digests.get("sha256", ""))
    return Subject(
        digest=Digest.from_hex(sha256) if _SHA256.fullmatch(sha256) else None,
        name=subject.text("name", default=""),
        annotations=text_members(subject.mapping("annotations")),
    )


def text_members(members: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """The members with text values, sorted by name: those that can be reported as annotations."""
    return tuple(sorted((name, value) for name, value in members.items() if isinstance(value, str)))


def render_statement(statement: Statement) -> bytes:
    """Render a statement of version 1 in canonical form (RFC 8785).

    Raises `InvalidInput(predicate_malformed)` for a predicate without such a form (a number that JSON cannot hold,
    text that is not Unicode, a value that is not JSON).
    """
    document = {
        "_type": STATEMENT_V1,
        "subject": [_render_subject(subject) for subject in statement.subjects],
        "predicateType": statement.predicate_type,
        "predicate": dict(statement.predicate),
    }
    try:
        return render_canonical(document)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            "predicate_malformed",
            f"the predicate has no canonical JSON form: {str(error)[:200]}",
            remedy="use text, lists, objects, booleans and integers below 2^53",
        ) from error


def _render_subject(subject: Subject) -> dict[str, object]:
    members: dict[str, object] = {"digest": {"sha256": subject.digest.hex} if subject.digest else {}}
    if subject.name:
        members["name"] = subject.name
    if subject.annotations:
        members["annotations"] = dict(subject.annotations)
    return members
