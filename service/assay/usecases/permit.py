"""Deciding whether a signer process may sign a message: the message is read, never believed."""

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.signing_rule import PermittedMessage, SigningRule
from assay.domain.statement import PAYLOAD_TYPE, Statement
from assay.formats.dsse import parse_pae
from assay.formats.manifest import declared_media_type, parse_manifest
from assay.formats.provenance import PREDICATE_TYPE as PROVENANCE
from assay.formats.provenance import parse_provenance
from assay.formats.simple_signing import IMAGE_SIGNATURE_TYPE, parse_simple_signing
from assay.formats.statement import parse_statement

_ENVELOPE = b"DSSEv1 "


def permit(message: bytes, rule: SigningRule, *, limits: Limits) -> PermittedMessage:
    """Read a message that is to be signed and say what it is.

    Guaranteed: the complete message was read strictly and is of a form, a predicate type and, for provenance, a
    builder that the rule allows. Its digest was computed over exactly these bytes. Not checked: that what it says is
    true. Raises `InvalidInput(signing_refused)`.
    """
    if message.startswith(_ENVELOPE):
        return _permit_statement(message, rule, limits)
    if rule.simple_signing and (found := _read_simple_signing(message, limits)) is not None:
        return found
    if rule.manifests and (found := _read_manifest(message, limits)) is not None:
        return found
    raise _refuse("the message is neither a statement nor anything else that may be signed here")


def _permit_statement(message: bytes, rule: SigningRule, limits: Limits) -> PermittedMessage:
    try:
        kind, payload = parse_pae(message)
        if kind != PAYLOAD_TYPE:
            raise _refuse(f"an envelope of {kind[:80]!r} is no statement")
        statement = parse_statement(payload, limits=limits)
        if statement.predicate_type not in rule.predicate_types:
            raise _refuse(f"the predicate type {statement.predicate_type[:200]!r} may not be signed here")
        builder = _permit_builder(statement, rule, limits)
    except InvalidInput as error:
        if error.code == "signing_refused":
            raise
        raise _refuse(error.message) from error
    return PermittedMessage(
        digest=Digest.of(message),
        kind="statement",
        predicate_type=statement.predicate_type,
        builder=builder,
        subjects=statement.digests,
    )


def _permit_builder(statement: Statement, rule: SigningRule, limits: Limits) -> str:
    if statement.predicate_type != PROVENANCE:
        return ""
    builder = parse_provenance(statement.predicate, most_materials=limits.subjects).builder_id
    if builder not in rule.builders:
        raise _refuse(f"provenance of the builder {builder[:200]!r} may not be signed here")
    return builder


def _read_simple_signing(message: bytes, limits: Limits) -> PermittedMessage | None:
    try:
        payload = parse_simple_signing(message, limits=limits)
    except InvalidInput:
        return None
    if payload.type != IMAGE_SIGNATURE_TYPE:
        return None
    return PermittedMessage(digest=Digest.of(message), kind="simple signing", subjects=(payload.digest,))


def _read_manifest(message: bytes, limits: Limits) -> PermittedMessage | None:
    try:
        media_type = declared_media_type(message, what="the manifest", limits=limits)
        parse_manifest(message, media_type, what="the manifest", limits=limits)
    except InvalidInput:
        return None
    digest = Digest.of(message)
    return PermittedMessage(digest=digest, kind="manifest", subjects=(digest,))


def _refuse(why: str) -> InvalidInput:
    return InvalidInput(
        "signing_refused", f"the signer refuses: {why}", remedy="have the signer's configuration allow it, if it should"
    )
