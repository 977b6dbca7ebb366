"""Grants (break-glass) as the predicate of a signed statement whose subjects are the digests."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from assay.domain.break_glass import Grant
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.formats.evidence_object import EvidenceObject
from assay.tlog.canonical import render_canonical

_TERMS = frozenset(
    {"tenant", "environment", "namespaces", "reason", "ticket", "owner", "notBefore", "expires", "uses"},
)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_MOST_NAMESPACES = 100
_LONGEST_TEXT = 1000


def parse_grant(predicate: Mapping[str, object], digests: Iterable[Digest]) -> Grant:
    """Read the terms of a grant for the subjects of its statement.

    Guaranteed: every member is known, none is missing or empty. Raises `InvalidInput(grant_malformed)`.
    """
    try:
        terms = EvidenceObject.of(dict(predicate), what="the grant", known=_TERMS)
        named = tuple(sorted(set(digests)))
        return Grant(
            id=_identify(predicate, named),
            digests=named,
            tenant=_text(terms, "tenant"),
            environment=_text(terms, "environment"),
            namespaces=_namespaces(terms),
            reason=_text(terms, "reason"),
            ticket=_text(terms, "ticket"),
            owner=_text(terms, "owner"),
            not_before=_time(terms, "notBefore"),
            expires=_time(terms, "expires"),
            uses=terms.natural("uses"),
        )
    except ValueError as error:
        raise _malformed(str(error)) from error
    except InvalidInput as error:
        raise _malformed(error.message) from error


def render_grant(
    *,
    tenant: str,
    environment: str,
    namespaces: Iterable[str],
    reason: str,
    ticket: str,
    owner: str,
    not_before: datetime,
    expires: datetime,
    uses: int,
) -> Mapping[str, object]:
    """Render the terms of a grant as a predicate; times in whole seconds."""
    return {
        "tenant": tenant,
        "environment": environment,
        "namespaces": list(namespaces),
        "reason": reason,
        "ticket": ticket,
        "owner": owner,
        "notBefore": not_before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "expires": expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "uses": uses,
    }


def _identify(predicate: Mapping[str, object], digests: tuple[Digest, ...]) -> Digest:
    """The digest of the terms: what two signatures have to agree on to be about one grant."""
    document = {"digests": [digest.text for digest in digests], "terms": predicate}
    return Digest.of(render_canonical(document))


def _text(terms: EvidenceObject, name: str) -> str:
    text = terms.text(name)
    if len(text) > _LONGEST_TEXT or not text.isprintable():
        raise ValueError(f"{name} is no line of at most {_LONGEST_TEXT} characters")
    return text


def _namespaces(terms: EvidenceObject) -> tuple[str, ...]:
    values = terms.items("namespaces", most=_MOST_NAMESPACES)
    names = tuple(value for value in values if isinstance(value, str))
    if len(names) != len(values) or len(set(names)) != len(names):
        raise ValueError("namespaces are names, each once")
    return names


def _time(terms: EvidenceObject, name: str) -> datetime:
    text = terms.text(name)
    if not _TIME.fullmatch(text):
        raise ValueError(f"{name} is not a time like 2026-11-21T12:00:00Z")
    return datetime.fromisoformat(text)


def _malformed(why: str) -> InvalidInput:
    return InvalidInput("grant_malformed", f"the grant cannot be used: {why}", remedy="have it made anew")
