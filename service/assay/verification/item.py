"""One piece of evidence against one digest: read, signature, statement, in this order for every shape."""

from collections.abc import Sequence
from typing import assert_never

from assay.domain.digest import Digest
from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.evidence import AttestationClaim, Claim, EvidenceItem, EvidenceShape, Rejection, SignatureClaim
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE, PAYLOAD_TYPE, Statement, Subject
from assay.formats.base64text import decode_base64
from assay.formats.bundle import parse_bundle
from assay.formats.dsse import Envelope, parse_envelope
from assay.formats.simple_signing import IMAGE_SIGNATURE_TYPE, parse_simple_signing
from assay.formats.statement import parse_statement
from assay.verification.signature import TrustedKey, find_signer, trusted_keys


def verify_item(
    item: EvidenceItem, *, subject: Digest, authorities: Sequence[Authority], limits: Limits
) -> Claim | Rejection:
    """Verify one piece of evidence about `subject`.

    A claim is returned only after every step has passed. Evidence that does not hold is a `Rejection` whose code is
    that of the first failing step: `evidence_limit`, `bundle_malformed` or `bundle_unsupported`, `signature_invalid`,
    `subject_mismatch`, `predicate_type_mismatch`. A payload is parsed only after its signature verified; one that
    is signed and yet unreadable is `bundle_malformed` too.
    Not checked: log entries and timestamps, which a key without a trust root does not need. Raises nothing for
    evidence of any content; `InvalidInput(key_malformed | key_unsupported)` for an authority's unusable key.
    """
    keys = trusted_keys(authorities)
    try:
        if len(item.content) > limits.blob_octets:
            raise _rejected("evidence_limit", f"the evidence has more than {limits.blob_octets} bytes")
        return _verify(item, subject, keys, limits)
    except (EvidenceRejected, InvalidInput) as error:
        return Rejection(id=item.digest, code=error.code, detail=error.message)


def _verify(item: EvidenceItem, subject: Digest, keys: Sequence[TrustedKey], limits: Limits) -> Claim:
    match item.shape:
        case EvidenceShape.BUNDLE:
            return _verify_bundle(item, subject, keys, limits)
        case EvidenceShape.LEGACY_SIGNATURE:
            return _verify_legacy_signature(item, subject, keys, limits)
        case EvidenceShape.LEGACY_ATTESTATION:
            return _verify_legacy_attestation(item, subject, keys, limits)
        case _:
            assert_never(item.shape)


def _verify_bundle(item: EvidenceItem, subject: Digest, keys: Sequence[TrustedKey], limits: Limits) -> Claim:
    envelope = parse_bundle(item.content, limits=limits)
    signer, statement, matching = _verify_envelope(envelope, subject, keys, limits)
    if statement.predicate_type != IMAGE_SIGNATURE:
        return _attestation_claim(item, signer, statement, form="bundle")
    return SignatureClaim(
        item=item.digest,
        subject=subject,
        format="bundle",
        key_id=signer.key_id,
        authorities=signer.authorities,
        annotations=matching.annotations,
    )


def _verify_legacy_signature(
    item: EvidenceItem, subject: Digest, keys: Sequence[TrustedKey], limits: Limits
) -> SignatureClaim:
    _refuse_certificate(item)
    signature = decode_base64(item.signature, what="the signature annotation", code="bundle_malformed")
    signer = find_signer(keys, message=item.content, signature=signature)
    payload = parse_simple_signing(item.content, limits=limits)
    if payload.digest != subject:
        raise _rejected("subject_mismatch", f"the signed payload does not name {subject}")
    if payload.type != IMAGE_SIGNATURE_TYPE:
        raise _rejected("predicate_type_mismatch", "the signed payload is no image signature")
    return SignatureClaim(
        item=item.digest,
        subject=subject,
        format="cosign",
        key_id=signer.key_id,
        authorities=signer.authorities,
        annotations=payload.annotations,
    )


def _verify_legacy_attestation(
    item: EvidenceItem, subject: Digest, keys: Sequence[TrustedKey], limits: Limits
) -> AttestationClaim:
    _refuse_certificate(item)
    envelope = parse_envelope(item.content, limits=limits)
    signer, statement, _ = _verify_envelope(envelope, subject, keys, limits)
    if statement.predicate_type == IMAGE_SIGNATURE:
        raise _rejected("predicate_type_mismatch", "an image signature stands where an attestation belongs")
    return _attestation_claim(item, signer, statement, form="cosign")


def _verify_envelope(
    envelope: Envelope, subject: Digest, keys: Sequence[TrustedKey], limits: Limits
) -> tuple[TrustedKey, Statement, Subject]:
    signer = find_signer(keys, message=envelope.signed_octets, signature=envelope.signature)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise _rejected("predicate_type_mismatch", "the envelope holds something else than an in-toto statement")
    statement = parse_statement(envelope.untrusted_payload, limits=limits)
    matching = statement.find_subject(subject)
    if matching is None:
        raise _rejected("subject_mismatch", f"no subject of the statement is {subject}")
    return signer, statement, matching


def _attestation_claim(item: EvidenceItem, signer: TrustedKey, statement: Statement, *, form: str) -> AttestationClaim:
    return AttestationClaim(
        item=item.digest,
        predicate_type=statement.predicate_type,
        subjects=statement.digests,
        format=form,
        key_id=signer.key_id,
        authorities=signer.authorities,
        predicate=statement.predicate,
    )


def _refuse_certificate(item: EvidenceItem) -> None:
    if item.certificate:
        raise _rejected("bundle_unsupported", "evidence with a certificate or log entry cannot be verified")


def _rejected(code: str, message: str) -> EvidenceRejected:
    return EvidenceRejected(code, message, remedy="sign the image again")
