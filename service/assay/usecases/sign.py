"""Signing: an image, or a statement about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.x509 import Certificate

from assay.domain.break_glass import BREAK_GLASS
from assay.domain.digest import Digest
from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.evidence import Claim, EvidenceItem, Rejection
from assay.domain.identity import Authority, PublicKey
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE, PAYLOAD_TYPE, Statement, Subject
from assay.formats.break_glass import parse_grant
from assay.formats.bundle import Vouchers, render_bundle, render_envelope, render_message_bundle
from assay.formats.certificate import encode_certificate
from assay.formats.dsse import Envelope, pae
from assay.formats.public_key import load_verifying_key
from assay.formats.statement import render_statement
from assay.ports import EvidenceSigner, Signer, Witness
from assay.verification.identity import IdentityPattern, read_identity
from assay.verification.item import NO_ROOTS, verify_item
from assay.verification.log_body import LoggedSignature, Verifier
from assay.verification.message import Message
from assay.verification.signature import find_scheme
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustRoot

_NAME = "signer"
_ROOT = "signing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """What stands behind a key: who vouches for its signatures, who judges that, and the certificate it is held by."""

    witness: Witness
    root: TrustRoot
    certificate: Certificate | None = None


class KeyEvidenceSigner:
    """Signs evidence with one key; implements the port `EvidenceSigner`.

    With a backing every signature is logged and stamped as it says, and shown with the certificate instead of the key.
    """

    def __init__(self, signer: Signer, backing: Backing | None = None) -> None:
        self._signer = signer
        self._backing = backing

    def sign_statement(self, payload: bytes) -> bytes:
        """The bundle around an in-toto statement; raises what signer and witness raise."""
        signature = self._signer.sign(pae(PAYLOAD_TYPE, payload))
        envelope = Envelope(
            payload_type=PAYLOAD_TYPE,
            untrusted_payload=payload,
            signature=signature,
            octets=render_envelope(payload, signature),
        )
        message = Message(head=envelope.signed_head, octets=payload)
        return render_bundle(payload, signature, self._holder(), self._vouch(message, signature, envelope))

    def sign_message(self, message: bytes) -> bytes:
        """The bundle with the signature over a message; raises what signer and witness raise."""
        signature = self._signer.sign(message)
        vouchers = self._vouch(Message(octets=message), signature, None)
        return render_message_bundle(message, signature, self._holder(), vouchers)

    def authority(self) -> Authority:
        """The authority that holds the public half, or the identity that the certificate was issued to."""
        backing = self._backing
        if backing is None:
            return Authority(name=_NAME, keys=(self._signer.public_key(),))
        if backing.certificate is None:
            return Authority(name=_NAME, keys=(self._signer.public_key(),), root=_ROOT)
        return Authority(name=_NAME, identities=(_rule(backing.certificate),), root=_ROOT)

    def roots(self) -> Mapping[str, TrustRoot]:
        """The trust root that the backing is judged by; none for a key alone, which is verified offline."""
        return NO_ROOTS if self._backing is None else {_ROOT: self._backing.root}

    def _holder(self) -> PublicKey | Certificate:
        certificate = self._backing.certificate if self._backing is not None else None
        return certificate or self._signer.public_key()

    def _vouch(self, message: Message, signature: bytes, envelope: Envelope | None) -> Vouchers:
        if self._backing is None:
            return Vouchers()
        key, certificate = self._signer.public_key(), self._backing.certificate
        scheme = find_scheme(load_verifying_key(key), message=message, signature=signature)
        if scheme is None:
            raise InvalidInput(
                "evidence_unverified",
                f"what was signed does not verify under the key {key.key_id}",
                remedy="nothing was logged or attached; check the key",
            )
        der = key.spki if certificate is None else encode_certificate(certificate)
        return self._backing.witness.vouch(
            LoggedSignature(
                signature=signature,
                scheme=scheme,
                digest=message.digest(scheme.hash) or b"",
                verifier=Verifier(der=der, is_certificate=certificate is not None),
                envelope=envelope,
            )
        )


def _rule(certificate: Certificate) -> IdentityPattern:
    try:
        identity = read_identity(certificate)
    except EvidenceRejected as error:
        raise InvalidInput(
            "evidence_unverified", error.message, remedy="ask for a certificate of one holder"
        ) from error
    return IdentityPattern(issuer=TextPattern(exact=identity.issuer), san=TextPattern(exact=identity.san))


def sign_image(signer: Signer, digest: Digest, *, annotations: Sequence[tuple[str, str]] = ()) -> bytes:
    """Sign an image: the bundle (version 0.3) that says so.

    The annotations are part of what is signed. Raises `InvalidInput(annotation_repeated)`.
    """
    return KeyEvidenceSigner(signer).sign_statement(state_signature(digest, annotations=annotations))


def attest(signer: Signer, *, name: str, digest: Digest, predicate_type: str, predicate: Mapping[str, object]) -> bytes:
    """Sign a statement about an image: the bundle (version 0.3) that holds it; raises as `state_attestation`."""
    statement = state_attestation(name=name, digest=digest, predicate_type=predicate_type, predicate=predicate)
    return KeyEvidenceSigner(signer).sign_statement(statement)


def require_verified(signer: EvidenceSigner, item: EvidenceItem, subject: Digest, limits: Limits) -> Claim:
    """What evidence that was just signed proves to whoever trusts its signer.

    Raises `InvalidInput(evidence_unverified)` when it proves nothing: a key that is not the one it seems, a service of
    the signing config that the trust root does not know.
    """
    outcome = verify_item(item, subject=subject, authorities=[signer.authority()], roots=signer.roots(), limits=limits)
    if isinstance(outcome, Rejection):
        raise InvalidInput(
            "evidence_unverified",
            f"what was signed about {subject} does not verify ({outcome.code}: {outcome.detail})",
            remedy="nothing was attached; check the key, the signing config and the trusted root",
        )
    return outcome


def state_signature(digest: Digest, *, annotations: Sequence[tuple[str, str]], name: str = "") -> bytes:
    """The statement that an image signature signs.

    `name` is for readers and identifies nothing. Raises `InvalidInput(annotation_repeated)`.
    """
    refuse_repeated(annotations)
    subject = Subject(digest=digest, name=name, annotations=tuple(sorted(annotations)))
    return render_statement(Statement(predicate_type=IMAGE_SIGNATURE, subjects=(subject,), predicate={}))


def refuse_repeated(annotations: Sequence[tuple[str, str]]) -> None:
    """Raise `InvalidInput(annotation_repeated)` when a key is given twice."""
    if len(dict(annotations)) != len(annotations):
        raise InvalidInput("annotation_repeated", "an annotation is given twice", remedy="give each one once")


def state_grant(digests: Iterable[Digest], terms: Mapping[str, object]) -> bytes:
    """The statement that a break-glass grant for these digests signs; `terms` as `render_grant` makes them.

    Raises `InvalidInput(grant_malformed)` for terms that nobody could use.
    """
    grant = parse_grant(terms, digests)
    subjects = tuple(Subject(digest=digest, name=digest.text) for digest in grant.digests)
    return render_statement(Statement(predicate_type=BREAK_GLASS, subjects=subjects, predicate=terms))


def state_attestation(*, name: str, digest: Digest, predicate_type: str, predicate: Mapping[str, object]) -> bytes:
    """The statement that an attestation signs.

    `name` is for readers and identifies nothing. Raises `InvalidInput`: `predicate_type_unusable` for the empty type
    and for that of image signatures, which are another claim; `predicate_malformed`.
    """
    if predicate_type in {"", IMAGE_SIGNATURE}:
        raise InvalidInput(
            "predicate_type_unusable",
            f"{predicate_type!r} cannot be the predicate type of an attestation",
            remedy="name the type of the predicate; to sign an image, sign the image",
        )
    subject = Subject(digest=digest, name=name)
    return render_statement(Statement(predicate_type=predicate_type, subjects=(subject,), predicate=predicate))
