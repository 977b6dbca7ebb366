"""Signing: an image, or a statement about it."""

from collections.abc import Mapping, Sequence

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.statement import IMAGE_SIGNATURE, PAYLOAD_TYPE, Statement, Subject
from assay.formats.bundle import render_bundle
from assay.formats.dsse import pae
from assay.formats.statement import render_statement
from assay.ports import Signer


def sign_image(signer: Signer, digest: Digest, *, annotations: Sequence[tuple[str, str]] = ()) -> bytes:
    """Sign an image: the bundle (version 0.3) that says so.

    The annotations are part of what is signed. Raises `InvalidInput(annotation_repeated)`.
    """
    if len(dict(annotations)) != len(annotations):
        raise InvalidInput("annotation_repeated", "an annotation is given twice", remedy="give each one once")
    subject = Subject(digest=digest, annotations=tuple(sorted(annotations)))
    return _sign(signer, Statement(predicate_type=IMAGE_SIGNATURE, subjects=(subject,), predicate={}))


def attest(signer: Signer, *, name: str, digest: Digest, predicate_type: str, predicate: Mapping[str, object]) -> bytes:
    """Sign a statement about an image: the bundle (version 0.3) that holds it.

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
    return _sign(signer, Statement(predicate_type=predicate_type, subjects=(subject,), predicate=predicate))


def _sign(signer: Signer, statement: Statement) -> bytes:
    payload = render_statement(statement)
    return render_bundle(payload, signer.sign(pae(PAYLOAD_TYPE, payload)), signer.public_key())
