"""What verified evidence says: the statement or payload under the signature, and the artefact it speaks about."""

from dataclasses import dataclass
from typing import assert_never

from assay.domain.digest import Digest
from assay.domain.errors import EvidenceRejected
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE, PAYLOAD_TYPE, Statement
from assay.formats.dsse import Envelope
from assay.formats.simple_signing import IMAGE_SIGNATURE_TYPE, parse_simple_signing
from assay.formats.statement import parse_statement
from assay.formats.untrusted_evidence import HashName, MessageSignature, SignedPayload
from assay.verification.message import Message

Content = Envelope | MessageSignature | SignedPayload


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedContent:
    """Verified: the signer speaks about `subject`; an attestation when there is a statement, else an image signature.

    `annotations` are the signer's, of the matching subject.
    """

    subject: Digest
    annotations: tuple[tuple[str, str], ...] = ()
    attestation: Statement | None = None


def signed_message(content: Content, artefact: Message) -> Message:
    """What the signature has to be over.

    A digest that the bundle states about the artefact stands in for the artefact, so that a signature of another
    artefact is told apart from one that is no signature; `verify_content` compares the two.
    """
    match content:
        case Envelope():
            return Message(head=content.signed_head, octets=content.untrusted_payload)
        case SignedPayload():
            return Message(octets=content.untrusted_payload)
        case MessageSignature():
            stated = content.hint
            if stated is None or artefact.digest(stated[0]) == stated[1]:
                return artefact
            return Message(known=dict([stated]))
        case _:
            assert_never(content)


def verify_content(content: Content, artefact: Message, *, layer: bool, limits: Limits) -> VerifiedContent:
    """Read what was signed, after its signature has been verified, and compare it with the artefact.

    `layer` tells that the evidence lies under a legacy tag, where every shape has its own place. Raises
    `EvidenceRejected(subject_mismatch | predicate_type_mismatch)` and
    `InvalidInput(bundle_malformed | evidence_limit | predicate_type_mismatch)`.
    """
    subject = artefact_digest(artefact)
    match content:
        case Envelope():
            return _verify_envelope(content, subject, layer=layer, limits=limits)
        case SignedPayload():
            return _verify_payload(content, subject, limits)
        case MessageSignature():
            if content.hint is not None and artefact.digest(content.hint[0]) != content.hint[1]:
                raise _rejected("subject_mismatch", f"the bundle was signed for something else than {subject}")
            return VerifiedContent(subject=subject)
        case _:
            assert_never(content)


def artefact_digest(artefact: Message) -> Digest:
    """The SHA-256 digest of the artefact (`ValueError` when only another one is known)."""
    octets = artefact.digest(HashName.SHA256)
    if octets is None:
        raise ValueError("an artefact is named by its SHA-256 digest")
    return Digest.from_hex(octets.hex())


def _verify_envelope(envelope: Envelope, subject: Digest, *, layer: bool, limits: Limits) -> VerifiedContent:
    if envelope.payload_type != PAYLOAD_TYPE:
        raise _rejected("predicate_type_mismatch", "the envelope holds something else than an in-toto statement")
    statement = parse_statement(envelope.untrusted_payload, limits=limits)
    matching = statement.find_subject(subject)
    if matching is None:
        raise _rejected("subject_mismatch", f"no subject of the statement is {subject}")
    if statement.predicate_type != IMAGE_SIGNATURE:
        return VerifiedContent(subject=subject, attestation=statement)
    if layer:
        raise _rejected("predicate_type_mismatch", "an image signature stands where an attestation belongs")
    return VerifiedContent(subject=subject, annotations=matching.annotations)


def _verify_payload(content: SignedPayload, subject: Digest, limits: Limits) -> VerifiedContent:
    payload = parse_simple_signing(content.untrusted_payload, limits=limits)
    if payload.digest != subject:
        raise _rejected("subject_mismatch", f"the signed payload does not name {subject}")
    if payload.type != IMAGE_SIGNATURE_TYPE:
        raise _rejected("predicate_type_mismatch", "the signed payload is no image signature")
    return VerifiedContent(subject=subject, annotations=payload.annotations)


def _rejected(code: str, message: str) -> EvidenceRejected:
    return EvidenceRejected(code, message, remedy="sign the image again")
