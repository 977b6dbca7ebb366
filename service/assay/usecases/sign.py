"""Signing: an image, or a statement about it."""

from collections.abc import Mapping, Sequence

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.identity import Authority
from assay.domain.statement import IMAGE_SIGNATURE, PAYLOAD_TYPE, Statement, Subject
from assay.formats.bundle import render_bundle, render_message_bundle
from assay.formats.dsse import pae
from assay.formats.statement import render_statement
from assay.ports import Signer
from assay.verification.item import NO_ROOTS
from assay.verification.trust_root import TrustRoot


class KeyEvidenceSigner:
    """Signs evidence with one key; implements the port `EvidenceSigner`."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def sign_statement(self, payload: bytes) -> bytes:
        """The bundle around an in-toto statement; raises what the signer raises."""
        return render_bundle(payload, self._signer.sign(pae(PAYLOAD_TYPE, payload)), self._signer.public_key())

    def sign_message(self, message: bytes) -> bytes:
        """The bundle with the signature over a message; raises what the signer raises."""
        return render_message_bundle(message, self._signer.sign(message), self._signer.public_key())

    def authority(self) -> Authority:
        """The authority that holds the public half."""
        return Authority(name="signer", keys=(self._signer.public_key(),))

    def roots(self) -> Mapping[str, TrustRoot]:
        """None: a key is verified offline."""
        return NO_ROOTS


def sign_image(signer: Signer, digest: Digest, *, annotations: Sequence[tuple[str, str]] = ()) -> bytes:
    """Sign an image: the bundle (version 0.3) that says so.

    The annotations are part of what is signed. Raises `InvalidInput(annotation_repeated)`.
    """
    return KeyEvidenceSigner(signer).sign_statement(state_signature(digest, annotations=annotations))


def attest(signer: Signer, *, name: str, digest: Digest, predicate_type: str, predicate: Mapping[str, object]) -> bytes:
    """Sign a statement about an image: the bundle (version 0.3) that holds it; raises as `state_attestation`."""
    statement = state_attestation(name=name, digest=digest, predicate_type=predicate_type, predicate=predicate)
    return KeyEvidenceSigner(signer).sign_statement(statement)


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
